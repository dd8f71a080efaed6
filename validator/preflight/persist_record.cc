#include "validator/preflight/persist_record.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "validator/preflight/issue_value.h"

namespace norroy::validator::preflight {

std::optional<PersistRecord> PersistRecord::Parse(absl::string_view text) {
  const std::optional<IssueValue> value = ParseIssueValue(text);
  if (!value.has_value() || value->issuer.empty()) return std::nullopt;
  const std::string* account = value->Find("accounturi");
  if (account == nullptr || account->empty()) return std::nullopt;
  PersistRecord record = {.issuer = value->issuer, .account_uri = *account};
  const std::string* policy = value->Find("policy");
  record.wildcard = policy != nullptr && absl::EqualsIgnoreCase(*policy, "wildcard");
  if (const std::string* until = value->Find("persistuntil"); until != nullptr) {
    int64_t seconds = 0;
    const bool digits = until->find_first_not_of("0123456789") == std::string::npos;
    if (!digits || !absl::SimpleAtoi(*until, &seconds)) return std::nullopt;
    record.until = seconds;
  }
  return record;
}

}  // namespace norroy::validator::preflight
