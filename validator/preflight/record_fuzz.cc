// The texts that DNS holds for CAs: CAA values and dns-persist-01 records. The first byte picks.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/check.h"
#include "validator/preflight/issue_value.h"
#include "validator/preflight/persist_record.h"

using norroy::validator::preflight::IssueValue;
using norroy::validator::preflight::kMaxIssueParameters;
using norroy::validator::preflight::ParseIssueValue;
using norroy::validator::preflight::PersistRecord;

namespace {

std::string TextOf(const IssueValue& value) {
  std::string text = value.issuer;
  for (const auto& [tag, content] : value.parameters)
    absl::StrAppend(&text, "; ", tag, "=", content);
  return text;
}

void CheckIssueValue(absl::string_view text) {
  const auto value = ParseIssueValue(text);
  if (!value.has_value()) return;
  NORROY_CHECK(value->parameters.size() <= kMaxIssueParameters);
  NORROY_CHECK(value->issuer == absl::AsciiStrToLower(value->issuer));
  NORROY_CHECK(value->issuer.size() <= 253);
  for (const auto& [tag, content] : value->parameters) {
    NORROY_CHECK(!tag.empty() && tag == absl::AsciiStrToLower(tag));
    for (const unsigned char c : content) NORROY_CHECK(c >= 0x21 && c <= 0x7e && c != ';');
#ifdef PLANTED
    // False: "a=b=c" has the tag "a" and the value "b=c".
    NORROY_CHECK(tag.size() < 3 || content.find('=') == std::string::npos);
#endif
  }
  // The normal form is what it says.
  const std::string normal = TextOf(*value);
  const auto again = ParseIssueValue(normal);
  NORROY_CHECK(again.has_value() && again->issuer == value->issuer);
  NORROY_CHECK(again->parameters == value->parameters);
}

void CheckPersistRecord(absl::string_view text) {
  const auto record = PersistRecord::Parse(text);
  if (!record.has_value()) return;
  NORROY_CHECK(!record->issuer.empty() && !record->account_uri.empty());
  NORROY_CHECK(!record->until.has_value() || *record->until >= 0);
  // A persist record is an issue value with an account.
  const auto value = ParseIssueValue(text);
  NORROY_CHECK(value.has_value() && value->issuer == record->issuer);
  NORROY_CHECK(*value->Find("accounturi") == record->account_uri);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 2 == 0) {
    CheckIssueValue(text);
  } else {
    CheckPersistRecord(text);
  }
  return 0;
}
