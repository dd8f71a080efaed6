#ifndef NORROY_ISSUER_SIGN_IN_CLAIMS_H_
#define NORROY_ISSUER_SIGN_IN_CLAIMS_H_

// Who a token's holder is to us: the principal of the first rule whose every claim is there with
// exactly the value that the rule has. Values are compared whole: no prefixes, no patterns, no
// folding of case. A string is itself, a boolean "true" or "false", an integer its decimal digits;
// arrays, objects, null and other numbers are equal to nothing. Whom no rule fits is nobody.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "issuer/sign_in/json.h"

namespace norroy::sign_in {

struct ClaimRule {
  std::map<std::string, std::string> claims;
  std::string principal;  // "requester/ci-web"
};

inline constexpr size_t kMaxClaimRules = 256;
inline constexpr size_t kMaxClaimsOfRule = 16;

// Value, immutable, thread-safe.
class ClaimRules {
 public:
  ClaimRules() = default;
  // `issuer` is whose tokens they are for: at a CI service that everybody may use, a rule must say
  // whose project it means. INVALID_ARGUMENT, reason BAD_CONFIG, naming "rules[2].claims".
  static absl::StatusOr<ClaimRules> Make(absl::string_view issuer, std::vector<ClaimRule> rules);

  // The name of the requester ("ci-web"); nothing for nobody.
  std::optional<std::string> RequesterOf(const JsonValue& claims) const;

 private:
  explicit ClaimRules(std::vector<ClaimRule> rules) : rules_(std::move(rules)) {}
  std::vector<ClaimRule> rules_;
};

// "ci-web" of "requester/ci-web"; INVALID_ARGUMENT for any other role or form: nobody else is ever
// signed in.
absl::StatusOr<std::string> RequesterName(absl::string_view principal);

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_CLAIMS_H_
