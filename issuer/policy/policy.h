#ifndef NORROY_ISSUER_POLICY_POLICY_H_
#define NORROY_ISSUER_POLICY_POLICY_H_

// Who may order what: issuance grants, default deny. Asked when an order is created, and again when
// it is finalized and when a stored certificate is handed out anew.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/challenge/identifier.h"
#include "common/crypto/key.h"
#include "issuer/policy/grant.h"
#include "norroy/config/v1/issuer.pb.h"

namespace norroy::policy {

struct Question {
  std::string principal;  // "operator/alice"
  std::vector<challenge::Name> names;
  std::string ca;
  std::string profile;
  std::optional<crypto::KeyType> key_type;  // unset: not known yet
};

// By what a question was answered with yes.
struct Decision {
  int64_t version = 0;  // of the applied policy that was in force; 0: none was
  // For one of the names at least, every grant that covers it says so.
  bool reuse_never = false;
  // Of each number the highest that a grant of the principal has; a grant that says nothing has the
  // default.
  Quota quota;
};

// Thread-safe.
class Policy {
 public:
  virtual ~Policy() = default;
  // PERMISSION_DENIED, reason NAME_NOT_GRANTED (or KEY_TYPE_, CA_, PROFILE_NOT_GRANTED), naming the
  // first name that no grant covers whole, and what a grant would have to say. Each name needs one
  // grant that covers all of it; different names may be covered by different grants.
  virtual absl::StatusOr<Decision> Check(const Question& question) const = 0;
};

// The grants of the issuer's configuration, as written and checked: those that are always in force.
struct ConfiguredGrants {
  std::vector<GrantText> texts;
  std::vector<Grant> grants;
  std::vector<std::string> cas;  // that there are
};
// INVALID_ARGUMENT, reason BAD_GRANT, naming grants[i] and the field.
absl::StatusOr<ConfiguredGrants> ReadConfiguredGrants(const config::v1::IssuerConfig& config);

// Those grants alone.
absl::StatusOr<std::unique_ptr<Policy>> MakeConfigPolicy(const config::v1::IssuerConfig& config);

}  // namespace norroy::policy

#endif  // NORROY_ISSUER_POLICY_POLICY_H_
