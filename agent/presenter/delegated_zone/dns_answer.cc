#include "agent/presenter/delegated_zone/dns_answer.h"

#include <algorithm>

#include "absl/strings/string_view.h"

namespace norroy::agent {
namespace {

constexpr uint16_t kClassIn = 1;
constexpr uint16_t kNs = 2;
constexpr uint16_t kSoa = 6;
constexpr uint16_t kTxt = 16;
constexpr uint16_t kOpt = 41;

constexpr uint16_t kNoError = 0;
constexpr uint16_t kFormErr = 1;
constexpr uint16_t kNxDomain = 3;
constexpr uint16_t kNotImp = 4;
constexpr uint16_t kRefused = 5;
constexpr uint16_t kBadVers = 16;

constexpr uint16_t kResponse = 0x8000;
constexpr uint16_t kAuthoritative = 0x0400;
constexpr uint16_t kTruncated = 0x0200;
constexpr uint16_t kRecursionDesired = 0x0100;

// RFC 1035 4.1.4: a name that begins at this offset of the message.
constexpr uint16_t kPointer = 0xc000;

constexpr uint32_t kSerial = 1;
constexpr uint32_t kRefresh = 3600;
constexpr uint32_t kRetry = 600;
constexpr uint32_t kExpire = 86400;

void Put16(std::string& out, uint16_t number) {
  out.push_back(static_cast<char>(number >> 8));
  out.push_back(static_cast<char>(number & 0xff));
}

void Put32(std::string& out, uint32_t number) {
  Put16(out, static_cast<uint16_t>(number >> 16));
  Put16(out, static_cast<uint16_t>(number & 0xffff));
}

struct Reply {
  uint16_t rcode = kNoError;
  bool authoritative = false;
  bool truncated = false;
  uint16_t answer_count = 0;
  std::string answers;
  uint16_t authority_count = 0;
  std::string authority;
};

// `owner` is a pointer into the question, so a record's owner is written as the question writes it.
void PutRecord(std::string& out, uint16_t owner, uint16_t type, uint32_t ttl,
               absl::string_view data) {
  Put16(out, owner);
  Put16(out, type);
  Put16(out, kClassIn);
  Put32(out, ttl);
  Put16(out, static_cast<uint16_t>(data.size()));
  out.append(data.data(), data.size());
}

// Where the zone's name begins within the question of a name of the zone.
uint16_t ApexPointer(const DnsQuery& query, const ZoneTable& table) {
  const size_t offset = kDnsHeader + query.name.size() - table.zone().size();
  return static_cast<uint16_t>(kPointer | offset);
}

void PutSoa(std::string& out, const DnsQuery& query, const ZoneTable& table, uint32_t ttl) {
  static constexpr absl::string_view kMailbox("\x0ahostmaster", 11);
  const uint16_t apex = ApexPointer(query, table);
  std::string data = table.name_servers().front();
  data.append(kMailbox.data(), kMailbox.size());
  Put16(data, apex);
  // The agents of a zone do not copy it from each other, and must seem to agree: the serial is
  // constant.
  for (const uint32_t number : {kSerial, kRefresh, kRetry, kExpire, kNegativeTtl}) {
    Put32(data, number);
  }
  PutRecord(out, apex, kSoa, ttl, data);
}

// RFC 6895 3.1: 128 to 255 are questions or meta types: ANY, AXFR, IXFR, TKEY. None is for
// strangers. RFC 8482 4: whoever asks for ANY need not get all there is.
bool IsMetaType(uint16_t type) { return type == kOpt || (type >= 128 && type <= 255); }

void AnswerTxt(const ZoneTable::Found& found, uint16_t owner, Reply& reply) {
  for (const std::string& value : found.values) {
    std::string data(1, static_cast<char>(value.size()));
    data += value;
    PutRecord(reply.answers, owner, kTxt, kTxtTtl, data);
    ++reply.answer_count;
  }
}

Reply Decide(const DnsQuery& query, const ZoneTable& table, DnsAnswer& answer) {
  // RFC 6891 6.1.3: a version that is not known is answered by BADVERS, whatever else is asked.
  if (query.edns && query.edns_version != 0) return Reply{.rcode = kBadVers};
  if (query.klass != kClassIn || IsMetaType(query.type)) return Reply{.rcode = kRefused};
  const ZoneTable::Found found = table.Find(query.name);
  if (!found.in_zone) return Reply{.rcode = kRefused};
  Reply reply{.authoritative = true};
  if (query.type == kTxt) {
    AnswerTxt(found, kPointer | kDnsHeader, reply);
    answer.served = reply.answer_count > 0;
    answer.unknown = !answer.served;
  }
  if (query.type == kSoa && found.apex) {
    PutSoa(reply.answers, query, table, kApexTtl);
    reply.answer_count = 1;
  }
  if (query.type == kNs && found.apex) {
    for (const std::string& server : table.name_servers()) {
      PutRecord(reply.answers, kPointer | kDnsHeader, kNs, kApexTtl, server);
      ++reply.answer_count;
    }
  }
  if (reply.answer_count > 0) return reply;
  // RFC 2308 2: the absence of the name, or of this type at it; the SOA says for how long.
  if (!found.exists) reply.rcode = kNxDomain;
  PutSoa(reply.authority, query, table, kNegativeTtl);
  reply.authority_count = 1;
  return reply;
}

std::string Render(const DnsQuery& query, const Reply& reply) {
  std::string out;
  Put16(out, query.id);
  uint16_t flags = kResponse | static_cast<uint16_t>(query.opcode << 11) | (reply.rcode & 0xf);
  if (reply.authoritative) flags |= kAuthoritative;
  if (reply.truncated) flags |= kTruncated;
  if (query.recursion_desired) flags |= kRecursionDesired;
  Put16(out, flags);
  Put16(out, query.question.empty() ? 0 : 1);
  Put16(out, reply.answer_count);
  Put16(out, reply.authority_count);
  Put16(out, query.edns ? 1 : 0);
  out += query.question;
  out += reply.answers;
  out += reply.authority;
  // RFC 6891 6.1.1: an OPT record answers an OPT record and never comes uncalled.
  if (query.edns) {
    out.push_back('\0');
    Put16(out, kOpt);
    Put16(out, kMaxDnsPayload);
    out.push_back(static_cast<char>(reply.rcode >> 4));
    out.push_back('\0');  // version
    // RFC 3225 3: the DO bit is copied, although there are no signatures.
    Put16(out, query.dnssec_ok ? 0x8000 : 0);
    Put16(out, 0);
  }
  return out;
}

size_t Limit(const DnsQuery& query, DnsTransport transport) {
  if (transport == DnsTransport::kTcp) return 65535;
  // RFC 6891 6.2.3: a payload under 512 counts as 512.
  return std::max(kMinDnsPayload, std::min(query.payload, kMaxDnsPayload));
}

}  // namespace

DnsAnswer AnswerDns(const DnsParse& parse, DnsTransport transport, const ZoneTable& table) {
  DnsAnswer answer;
  const DnsQuery& query = parse.query;
  if (parse.state == DnsParseState::kIgnore) return answer;
  if (parse.state != DnsParseState::kQuery) {
    const bool bad = parse.state == DnsParseState::kFormErr;
    answer.bytes = Render(query, Reply{.rcode = bad ? kFormErr : kNotImp});
    return answer;
  }
  const Reply reply = Decide(query, table, answer);
  answer.bytes = Render(query, reply);
  if (answer.bytes.size() <= Limit(query, transport)) return answer;
  // RFC 2181 9: parts of a truncated answer are of no use to anybody.
  answer.bytes = Render(
      query, Reply{.rcode = reply.rcode, .authoritative = reply.authoritative, .truncated = true});
  answer.served = false;
  return answer;
}

std::string TruncatedDnsAnswer(const DnsParse& parse) {
  if (parse.state != DnsParseState::kQuery) return "";
  return Render(parse.query, Reply{.truncated = true});
}

}  // namespace norroy::agent
