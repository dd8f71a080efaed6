#ifndef NORROY_VALIDATOR_STORE_STORE_H_
#define NORROY_VALIDATOR_STORE_STORE_H_

// What a validator must not forget: its agents with their grants, join tokens, presentations and
// tombstones. Each call is one transaction.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sql/database.h"
#include "validator/agents/agent.h"

namespace norroy::validator {

struct JoinToken {
  std::string id;  // also the enrollment id of the agent that it makes
  std::string agent_name;
  std::string key_sha256;  // of the bootstrap key's SubjectPublicKeyInfo, hexadecimal
  std::vector<ChallengeGrant> grants;
  absl::Time expire_time;
};

// A wish as it came from the issuer: exactly the bytes, to be sent on again after a restart.
struct StoredPresentation {
  std::string id;
  int64_t generation = 0;
  absl::Time not_after;  // of the seals; of the tombstone once released
  bool released = false;
  std::string request;  // serialized PresentRequest; empty once released
};

// Thread-safe.
class Store {
 public:
  static std::unique_ptr<Store> Make(sql::Database& database);
  static const std::vector<sql::Migration>& Migrations();
  virtual ~Store() = default;

  // Stores the token and the agent in state kInvited. An agent of that name that is not removed is
  // ALREADY_EXISTS (reason AGENT_EXISTS) unless `replace`, which removes the old enrollment.
  virtual absl::Status CreateJoinToken(const JoinToken& token, bool replace, absl::Time now) = 0;
  // Uses the token up, exactly once whoever races, and enrolls its agent; NOT_FOUND (reason
  // TOKEN_UNKNOWN), FAILED_PRECONDITION (TOKEN_USED, TOKEN_EXPIRED), PERMISSION_DENIED (TOKEN_KEY).
  virtual absl::StatusOr<Agent> UseJoinToken(absl::string_view id, absl::string_view key_sha256,
                                             absl::Time identity_expire_time, absl::Time now) = 0;

  virtual absl::StatusOr<std::vector<Agent>> ListAgents() = 0;         // all but removed, by name
  virtual absl::StatusOr<Agent> GetAgent(absl::string_view name) = 0;  // NOT_FOUND if removed
  virtual absl::StatusOr<Agent> SetDrained(absl::string_view name, bool drained) = 0;
  virtual absl::Status RemoveAgent(absl::string_view name, absl::Time now) = 0;
  // Both NOT_FOUND (reason AGENT_REMOVED) unless that is the agent's present enrollment and used.
  virtual absl::Status NoteIdentity(absl::string_view name, absl::string_view enrollment_id,
                                    absl::Time expire_time) = 0;
  virtual absl::Status NoteSeen(absl::string_view name, absl::string_view enrollment_id,
                                const AgentReport& report) = 0;

  // FAILED_PRECONDITION (reason STALE_GENERATION) if a higher generation is stored, or this one is
  // stored as released: what arrives late brings nothing back.
  virtual absl::Status PutPresentation(const StoredPresentation& presentation) = 0;
  // All that are neither expired at `now` nor forgotten.
  virtual absl::StatusOr<std::vector<StoredPresentation>> LoadPresentations(absl::Time now) = 0;
  virtual absl::Status SweepPresentations(absl::Time now) = 0;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_STORE_STORE_H_
