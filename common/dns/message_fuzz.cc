// What a read answer may hold, whatever came in: see message.h.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/dns/message.h"

namespace {

using norroy::dns::Message;
using norroy::dns::Name;
using norroy::dns::Record;
using norroy::dns::Type;

void CheckName(const Name& name) {
  NORROY_CHECK(name.text().size() <= norroy::dns::kMaxName);
  const auto again = Name::Parse(name.absolute());
  NORROY_CHECK(again.ok() && *again == name);
}

void CheckRecord(const Record& record) {
  CheckName(record.owner);
  CheckName(record.target);
  NORROY_CHECK(norroy::dns::TypeName(record.type).find("TYPE") != 0);
  NORROY_CHECK(record.text.size() <= norroy::dns::kMaxTxt);
  NORROY_CHECK(record.negative <= record.ttl);
  NORROY_CHECK((record.type == Type::kCaa) == !record.caa.tag.empty());
  if (record.type != Type::kTxt) NORROY_CHECK(record.text.size() < 46);
#ifdef PLANTED
  NORROY_CHECK(!record.caa.critical || record.caa.tag == "issuewild");
#endif
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = norroy::dns::ParseReply(bytes);
  if (!message.ok()) return 0;
  NORROY_CHECK(size >= 12 && (data[2] & 0x80) != 0);
  size_t records = 0;
  for (const auto* section : {&message->answers, &message->authority, &message->additional}) {
    records += section->size();
    for (const Record& record : *section) CheckRecord(record);
  }
  NORROY_CHECK(records <= norroy::dns::kMaxRecords);
  // Each answer is found by its owner and type, and nothing else is.
  for (const Record& answer : message->answers) {
    const auto found = message->Find(answer.owner, answer.type);
    NORROY_CHECK(!found.empty());
    for (const Record& record : found) {
      NORROY_CHECK(record.owner == answer.owner && record.type == answer.type);
    }
  }
  return 0;
}
