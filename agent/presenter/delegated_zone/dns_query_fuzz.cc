// What goes back to a stranger's message, whatever it is: see dns_query.h and dns_answer.h. The
// first byte says by which transport it came.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/presenter/delegated_zone/dns_answer.h"
#include "agent/presenter/delegated_zone/dns_query.h"
#include "agent/presenter/delegated_zone/test_message.h"
#include "agent/presenter/delegated_zone/zone_table.h"
#include "common/check.h"
#include "common/dns/message.h"
#include "common/dns/name.h"

namespace norroy::agent {
namespace {

const ZoneTable& Table() {
  static const ZoneTable* const table = [] {
    const auto name = [](absl::string_view text) { return *dns::Name::Parse(text); };
    auto* made = new ZoneTable(name("z.example"), {name("ns1.example"), name("ns2.example")});
    NORROY_CHECK(made->Add(name("a.z.example"), "one").ok());
    NORROY_CHECK(made->Add(name("a.z.example"), "two").ok());
    NORROY_CHECK(made->Add(name("x.y.z.example"), "deep").ok());
    for (int i = 0; i < 40; ++i) {
      NORROY_CHECK(made->Add(name("m.z.example"), absl::StrCat("v", i, std::string(40, '.'))).ok());
    }
    return made;
  }();
  return *table;
}

void CheckQuery(const DnsQuery& query, absl::string_view message) {
  // RFC 1035 2.3.4; lower case; the question is what was sent.
  NORROY_CHECK(query.name.size() >= 1 && query.name.size() <= 255 && query.name.back() == '\0');
  NORROY_CHECK(query.question.size() == query.name.size() + 4);
  NORROY_CHECK(message.substr(kDnsHeader, query.question.size()) == query.question);
  for (size_t i = 0; i < query.name.size(); ++i) {
    NORROY_CHECK(query.name[i] == absl::ascii_tolower(query.question[i]));
  }
}

// What holds for an answer of any kind.
void CheckAnswer(const DnsParse& parse, absl::string_view message, size_t limit,
                 const DnsAnswer& answer) {
  const TestReply reply = ReadTestReply(answer.bytes);
  NORROY_CHECK(reply.good);
  NORROY_CHECK(answer.bytes.size() <= limit);
  NORROY_CHECK(answer.bytes.compare(0, 2, message.data(), 2) == 0);
  NORROY_CHECK((reply.flags & 0x8000) != 0 && !reply.ra());
  NORROY_CHECK((reply.flags & 0x7900) == (parse.query.opcode << 11 | (message[2] & 1) << 8));
  NORROY_CHECK(reply.question == parse.query.question);
  NORROY_CHECK(reply.additional.size() == (parse.query.edns ? 1 : 0));
  const bool positive = reply.rcode == 0 || reply.rcode == 3;
  NORROY_CHECK(reply.aa() == positive);
  NORROY_CHECK(positive || (reply.answers.empty() && reply.authority.empty()));
  // Whoever forges a sender gains nothing by what is refused.
  NORROY_CHECK(positive || answer.bytes.size() <= message.size());
  NORROY_CHECK(answer.served == (parse.query.type == 16 && !reply.answers.empty()));
  NORROY_CHECK(!reply.tc() || (reply.answers.empty() && reply.authority.empty()));
  // An absence always says for how long.
  NORROY_CHECK(!positive || reply.tc() || reply.answers.empty() == (reply.authority.size() == 1));
  NORROY_CHECK(dns::ParseReply(answer.bytes).ok() || reply.question.empty());
#ifdef PLANTED
  // False: whoever asks in mixed case does not want signatures.
  const bool mixed =
      parse.query.question.compare(0, parse.query.name.size(), parse.query.name) != 0;
  NORROY_CHECK(!(answer.served && mixed && parse.query.dnssec_ok));
#endif
}

}  // namespace
}  // namespace norroy::agent

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace norroy::agent;
  if (size == 0) return 0;
  const bool tcp = (data[0] & 1) != 0;
  const absl::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const DnsParse parse = ParseDnsQuery(message, tcp ? kMaxTcpQuery : kMaxUdpQuery);
  const DnsAnswer answer = AnswerDns(parse, tcp ? DnsTransport::kTcp : DnsTransport::kUdp, Table());
  NORROY_CHECK(answer.bytes.empty() == (parse.state == DnsParseState::kIgnore));
  if (answer.bytes.empty()) return 0;
  // RFC 1035 4.1.1: nobody answers a response.
  NORROY_CHECK(message.size() >= kDnsHeader && (message[2] & 0x80) == 0);
  if (parse.state == DnsParseState::kQuery) CheckQuery(parse.query, message);
  size_t limit = 65535;
  if (!tcp) {
    const size_t payload = parse.query.edns ? parse.query.payload : 0;
    limit = std::max<size_t>(512, std::min<size_t>(payload, kMaxDnsPayload));
  }
  CheckAnswer(parse, message, limit, answer);
  const std::string truncated = TruncatedDnsAnswer(parse);
  NORROY_CHECK(truncated.size() <= message.size());
  return 0;
}
