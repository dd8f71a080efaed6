#include "common/dns/message.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/dns/wire.h"
#include "common/error/error.h"

namespace norroy::dns {
namespace {

absl::Status BadMessage(absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_DNS_MESSAGE",
                   absl::StrCat("what came is no DNS answer: ", why));
}

struct TypeRow {
  Type type;
  absl::string_view name;
};
constexpr TypeRow kTypes[] = {
    {Type::kA, "A"},         {Type::kNs, "NS"},     {Type::kCname, "CNAME"}, {Type::kSoa, "SOA"},
    {Type::kTxt, "TXT"},     {Type::kAaaa, "AAAA"}, {Type::kDname, "DNAME"}, {Type::kDs, "DS"},
    {Type::kRrsig, "RRSIG"}, {Type::kCaa, "CAA"},
};

bool IsListed(Type type) {
  return std::any_of(std::begin(kTypes), std::end(kTypes),
                     [&](const TypeRow& row) { return row.type == type; });
}

struct RcodeRow {
  Rcode rcode;
  absl::string_view name;
};
constexpr RcodeRow kRcodes[] = {
    {Rcode::kNoError, "NOERROR"},   {Rcode::kFormErr, "FORMERR"}, {Rcode::kServFail, "SERVFAIL"},
    {Rcode::kNxDomain, "NXDOMAIN"}, {Rcode::kNotImp, "NOTIMP"},   {Rcode::kRefused, "REFUSED"},
    {Rcode::kYxDomain, "YXDOMAIN"}, {Rcode::kYxRrset, "YXRRSET"}, {Rcode::kNxRrset, "NXRRSET"},
    {Rcode::kNotAuth, "NOTAUTH"},   {Rcode::kNotZone, "NOTZONE"}, {Rcode::kBadSig, "BADSIG"},
    {Rcode::kBadKey, "BADKEY"},     {Rcode::kBadTime, "BADTIME"},
};

// Reading a record's data: each gives false if a name in it is outside of Name's alphabet (the
// record is left out); malformed data fails the reader.

bool ReadAddress(int family, WireReader& data, Record& record) {
  const absl::string_view bytes = data.Bytes(family == AF_INET ? 4 : 16);
  char text[INET6_ADDRSTRLEN] = {};
  if (data.ok()) inet_ntop(family, bytes.data(), text, sizeof(text));
  record.text = text;
  return true;
}

bool ReadTarget(WireReader& data, Record& record) {
  const auto target = data.ReadName();
  if (!target) return false;
  record.target = *target;
  return true;
}

bool ReadSoa(WireReader& data, Record& record) {
  const bool ordinary = ReadTarget(data, record);
  data.ReadName();  // the mailbox, which may hold anything
  record.serial = data.U32();
  for (int i = 0; i < 3; ++i) data.U32();  // refresh, retry, expire
  // RFC 2308 4, 5: the smaller of the last field and the record's own time.
  record.negative = std::min(data.U32(), record.ttl);
  return ordinary;
}

bool ReadTxt(WireReader& data, Record& record) {
  while (data.ok() && data.left() > 0) {
    const absl::string_view string = data.Bytes(data.U8());
    absl::StrAppend(&record.text, string.substr(0, kMaxTxt - record.text.size()));
  }
  return true;
}

// RFC 8659 4.1.
bool ReadCaa(WireReader& data, Record& record) {
  record.caa.critical = (data.U8() & 0x80) != 0;
  const absl::string_view tag = data.Bytes(std::max<uint8_t>(data.U8(), 1));
  record.caa.tag = absl::AsciiStrToLower(tag);
  record.caa.value = std::string(data.Bytes(data.left()));
  return true;
}

bool ReadData(WireReader& data, Record& record) {
  switch (record.type) {
    case Type::kA:
      return ReadAddress(AF_INET, data, record);
    case Type::kAaaa:
      return ReadAddress(AF_INET6, data, record);
    case Type::kNs:
    case Type::kCname:
    case Type::kDname:
      return ReadTarget(data, record);
    case Type::kSoa:
      return ReadSoa(data, record);
    case Type::kTxt:
      return ReadTxt(data, record);
    case Type::kCaa:
      return ReadCaa(data, record);
    case Type::kDs:
    case Type::kRrsig:
      break;
  }
  data.Bytes(data.left());
  return true;
}

// RFC 2181 8: a time with the highest bit set is zero.
uint32_t Ttl(uint32_t ttl) { return (ttl & 0x80000000u) != 0 ? 0 : ttl; }

// One record (RFC 1035 4.1.3). Unset: left out, or the reader failed. An OPT record's upper bits of
// the rcode (RFC 6891 6.1.3) go to `extended`.
std::optional<Record> ReadRecord(WireReader& reader, std::optional<uint16_t>& extended) {
  Record record;
  const auto owner = reader.ReadName();
  const uint16_t type = reader.U16();
  const uint16_t record_class = reader.U16();
  const uint32_t ttl = reader.U32();
  WireReader data = reader.Part(reader.U16());
  if (!reader.ok()) return std::nullopt;
  if (type == kTypeOpt && !extended) extended = static_cast<uint16_t>(ttl >> 24);
  record.type = static_cast<Type>(type);
  record.ttl = Ttl(ttl);
  if (record_class != kClassIn || !IsListed(record.type)) return std::nullopt;
  const bool ordinary = ReadData(data, record);
  if (!data.ok() || data.left() > 0) {
    reader.Fail();
    return std::nullopt;
  }
  if (!ordinary || !owner) return std::nullopt;
  record.owner = *owner;
  return record;
}

std::vector<Record> ReadSection(int count, WireReader& reader, std::optional<uint16_t>& extended) {
  std::vector<Record> records;
  for (int i = 0; i < count && reader.ok(); ++i) {
    auto record = ReadRecord(reader, extended);
    if (record) records.push_back(*std::move(record));
  }
  return records;
}

}  // namespace

std::string TypeName(Type type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return std::string(row.name);
  }
  return absl::StrCat("TYPE", static_cast<uint16_t>(type));
}

std::string RcodeName(Rcode rcode) {
  for (const RcodeRow& row : kRcodes) {
    if (row.rcode == rcode) return std::string(row.name);
  }
  return absl::StrCat("RCODE", static_cast<uint16_t>(rcode));
}

std::vector<Record> Message::Find(const Name& owner, Type type) const {
  std::vector<Record> found;
  for (const Record& record : answers) {
    if (record.owner == owner && record.type == type) found.push_back(record);
  }
  return found;
}

absl::StatusOr<Message> ParseReply(absl::string_view bytes) {
  WireReader reader(bytes);
  const Header header = reader.ReadHeader();
  if (!reader.ok()) return BadMessage(absl::StrCat("it has ", bytes.size(), " bytes"));
  if (!header.is_reply()) return BadMessage("it is a question itself");
  if (header.questions > 1) return BadMessage("it repeats more than one question");
  if (header.records() > kMaxRecords) {
    return BadMessage(
        absl::StrCat("it has ", header.records(), " records; ", kMaxRecords, " are allowed"));
  }
  if (header.questions == 1) {
    reader.ReadName();
    reader.U32();  // type and class
  }
  Message message;
  message.authoritative = header.authoritative();
  message.truncated = header.truncated();
  message.authenticated = header.authenticated();
  message.recursion_available = header.recursion_available();
  std::optional<uint16_t> extended;
  message.answers = ReadSection(header.answers, reader, extended);
  message.authority = ReadSection(header.authority, reader, extended);
  message.additional = ReadSection(header.additional, reader, extended);
  if (!reader.ok()) {
    return BadMessage(
        absl::StrCat("it is cut or malformed at byte ", reader.offset(), " of ", bytes.size()));
  }
  message.rcode = static_cast<Rcode>(extended.value_or(0) << 4 | header.rcode());
  return message;
}

}  // namespace norroy::dns
