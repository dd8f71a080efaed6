#ifndef NORROY_VALIDATOR_PREFLIGHT_ISSUE_VALUE_H_
#define NORROY_VALIDATOR_PREFLIGHT_ISSUE_VALUE_H_

// "ca.example.net; accounturi=https://...; validationmethods=dns-01": the form that CAA's issue and
// issuewild values have (RFC 8659 4.2) and that dns-persist-01 records borrow.

#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::validator::preflight {

inline constexpr size_t kMaxIssueValue = 4096;
inline constexpr size_t kMaxIssueParameters = 32;

struct IssueValue {
  std::string issuer;  // lower case; empty: nobody
  // By tag, in lower case. Of a tag that comes twice, the value is refused as a whole: two account
  // URIs would each promise something else (RFC 8657 3).
  std::map<std::string, std::string> parameters;

  // Null if there is none.
  const std::string* Find(absl::string_view tag) const;
};

// Nothing: malformed. RFC 8659 4.2: then it names no issuer.
std::optional<IssueValue> ParseIssueValue(absl::string_view text);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_ISSUE_VALUE_H_
