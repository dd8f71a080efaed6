#ifndef NORROY_VALIDATOR_AGENTS_ENROLLMENT_H_
#define NORROY_VALIDATOR_AGENTS_ENROLLMENT_H_

// How a host becomes an agent: an operator makes a join token (a bootstrap certificate, good for
// one enrollment of one agent), the host turns it into an agent's identity once, and renews that
// identity from then on. What a certificate says is decided here; of a CSR only the key counts.
// All of it is audited, what is refused too.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/entry.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "validator/agents/agent.h"
#include "validator/agents/audit_budget.h"
#include "validator/store/store.h"

namespace norroy::validator {

inline constexpr int kMaxGrants = 20;
inline constexpr int kMaxPatterns = 100;
inline constexpr absl::Duration kDefaultTokenLifetime = absl::Hours(1);
inline constexpr absl::Duration kMaxTokenLifetime = absl::Hours(24 * 7);
// A host must get to use it.
inline constexpr absl::Duration kMinTokenLifetime = absl::Minutes(1);

struct EnrollmentOptions {
  Store& store;
  Clock& clock;
  crypto::Random& random;
  std::string deployment;
  // This validator's edge intermediate.
  identity::Authority edge;
  absl::Duration agent_identity_lifetime;
  // An agent has changed in the store. Called without locks held.
  std::function<absl::Status(const std::string& agent)> changed;
  // What follows `edge`; null: nothing does.
  std::function<std::shared_ptr<const identity::Authority>()> current_edge = nullptr;
};

struct JoinTokenOrder {
  std::string agent_name;
  std::vector<ChallengeGrant> grants;
  std::string csr_der;
  std::optional<absl::Time> expire_time;
  bool replace = false;
};

// Certificates in DER, own first, then the edge intermediate: never a trust anchor.
struct IssuedIdentity {
  identity::Identity identity;
  std::vector<std::string> chain;
  absl::Time expire_time;
};

// Thread-safe.
class Enrollment {
 public:
  explicit Enrollment(EnrollmentOptions options) : options_(std::move(options)) {}

  // The token's id is the enrollment id of the certificate and of the agent that it makes.
  // INVALID_ARGUMENT: reason BAD_TOKEN_REQUEST, BAD_CSR or BAD_PATTERN.
  // `origin` says who asks, from where and in which trace; the rest of the audit log's entry is
  // filled in here and below.
  absl::StatusOr<IssuedIdentity> CreateJoinToken(const JoinTokenOrder& order,
                                                 const audit::Entry& origin);

  // For a caller with a bootstrap certificate of that key (hexadecimal SHA-256 of its
  // SubjectPublicKeyInfo): exactly once per token, whoever races.
  absl::StatusOr<IssuedIdentity> Enroll(const identity::Identity& caller,
                                        absl::string_view caller_key_sha256,
                                        absl::string_view csr_der, const audit::Entry& origin);

  // For an agent that is admitted: a further certificate of its own name and enrollment.
  absl::StatusOr<IssuedIdentity> Renew(const identity::Identity& caller, absl::string_view csr_der,
                                       const audit::Entry& origin);

 private:
  absl::StatusOr<IssuedIdentity> Issue(const identity::Identity& identity,
                                       absl::string_view csr_der, absl::Duration lifetime) const;
  absl::StatusOr<IssuedIdentity> TryEnroll(const identity::Identity& caller,
                                           absl::string_view caller_key_sha256,
                                           absl::string_view csr_der, const audit::Entry& audit);
  absl::StatusOr<IssuedIdentity> TryRenew(const identity::Identity& caller,
                                          absl::string_view csr_der, const audit::Entry& audit);
  // Notes why it was refused, and returns that.
  absl::Status Refused(const absl::Status& why, audit::Entry audit);

  const EnrollmentOptions options_;
  AuditBudget refusals_;
};

// What an agent may be granted: 1 to 20 grants, each of 1 to 100 patterns (none of them ".") and
// 1 to 3 different types. BAD_TOKEN_REQUEST.
absl::Status CheckGrants(const std::vector<ChallengeGrant>& grants);

// "may answer www.example.com, .shop.example.com by http-01, all", cut after kMaxGrantsText: what
// the audit log says of them. The store keeps all of it.
inline constexpr size_t kMaxGrantsText = 2000;
std::string GrantsText(const std::vector<ChallengeGrant>& grants);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_ENROLLMENT_H_
