#ifndef NORROY_ISSUER_POLICY_POLICY_H_
#define NORROY_ISSUER_POLICY_POLICY_H_

// Who may order what: issuance grants, default deny. Asked when an order is created, and again when
// it is finalized and when a stored certificate is handed out anew.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/challenge/identifier.h"
#include "common/crypto/key.h"
#include "norroy/config/v1/issuer.pb.h"

namespace norroy::policy {

struct Question {
  std::string principal;  // "operator/alice"
  std::vector<challenge::Name> names;
  std::string ca;
  std::string profile;
  std::optional<crypto::KeyType> key_type;  // unset: not known yet
};

// Thread-safe.
class Policy {
 public:
  virtual ~Policy() = default;
  // PERMISSION_DENIED, reason NAME_NOT_GRANTED (or KEY_TYPE_, CA_, PROFILE_NOT_GRANTED), naming the
  // first name that no grant covers whole, and what a grant would have to say. Each name needs one
  // grant that covers all of it; different names may be covered by different grants.
  virtual absl::Status Check(const Question& question) const = 0;
};

// The grants of the issuer's configuration.
absl::StatusOr<std::unique_ptr<Policy>> MakeConfigPolicy(const config::v1::IssuerConfig& config);

}  // namespace norroy::policy

#endif  // NORROY_ISSUER_POLICY_POLICY_H_
