#include "common/dns/test_message.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/dns/wire.h"

namespace norroy::dns {

std::string WireName(absl::string_view name) {
  const auto parsed = Name::Parse(name);
  NORROY_CHECK(parsed.ok());
  std::string bytes;
  AppendName(*parsed, bytes);
  return bytes;
}

std::string WireU16(uint16_t value) {
  std::string bytes;
  AppendU16(value, bytes);
  return bytes;
}

std::string WireU32(uint32_t value) {
  std::string bytes;
  AppendU32(value, bytes);
  return bytes;
}

std::string Pointer(size_t offset) { return WireU16(static_cast<uint16_t>(0xc000 | offset)); }

std::string WireRecord(const std::string& owner, uint16_t type, const std::string& data,
                       uint16_t record_class, uint32_t ttl) {
  return absl::StrCat(owner, WireU16(type), WireU16(record_class), WireU32(ttl),
                      WireU16(static_cast<uint16_t>(data.size())), data);
}

std::string WireTxt(absl::string_view text) {
  std::string bytes;
  do {
    const absl::string_view part = text.substr(0, 255);
    bytes.push_back(static_cast<char>(part.size()));
    absl::StrAppend(&bytes, part);
    text.remove_prefix(part.size());
  } while (!text.empty());
  return bytes;
}

std::string TestReply::bytes() const {
  std::string out;
  AppendHeader({.id = id,
                .flags = flags,
                .questions = static_cast<uint16_t>(question.empty() ? 0 : 1),
                .answers = static_cast<uint16_t>(answers.size()),
                .authority = static_cast<uint16_t>(authority.size()),
                .additional = static_cast<uint16_t>(additional.size())},
               out);
  absl::StrAppend(&out, question, absl::StrJoin(answers, ""), absl::StrJoin(authority, ""),
                  absl::StrJoin(additional, ""));
  return out;
}

TestReply ReplyTo(const std::string& query) {
  WireReader reader(query);
  const Header header = reader.ReadHeader();
  reader.ReadName();
  reader.U32();
  NORROY_CHECK(reader.ok() && header.questions == 1);
  return {.id = header.id, .question = query.substr(kHeaderBytes, reader.offset() - kHeaderBytes)};
}

}  // namespace norroy::dns
