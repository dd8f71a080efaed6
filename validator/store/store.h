#ifndef NORROY_VALIDATOR_STORE_STORE_H_
#define NORROY_VALIDATOR_STORE_STORE_H_

// What a validator must not forget: its agents with every version of their grants, bans, join
// tokens, presentations and tombstones. Each call is one transaction. A change that somebody asked
// for takes the audit log's entry with it, whose time is `now`: neither is there without the other.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/entry.h"
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

// Changes of agents, in the order of their commits.
struct FleetChanges {
  int64_t version = 0;             // the last one's
  bool all = false;                // too many to be named: any agent may have changed
  std::vector<std::string> names;  // each once
};

// Thread-safe.
class Store {
 public:
  // `writer` names the audit chain of this process: no two that run at once share one.
  static std::unique_ptr<Store> Make(sql::Database& database,
                                     absl::string_view writer = "validator");
  static const std::vector<sql::Migration>& Migrations();
  virtual ~Store() = default;

  // Stores the token and the agent in state kInvited. An agent of that name that is not removed is
  // ALREADY_EXISTS (reason AGENT_EXISTS) unless `replace`, which removes the old enrollment. A
  // banned name is FAILED_PRECONDITION (AGENT_BANNED).
  virtual absl::Status CreateJoinToken(const JoinToken& token, bool replace, absl::Time now,
                                       const audit::Entry& audit) = 0;
  // Uses the token up, exactly once whoever races, and enrolls its agent; NOT_FOUND (reason
  // TOKEN_UNKNOWN), FAILED_PRECONDITION (TOKEN_USED, TOKEN_EXPIRED), PERMISSION_DENIED (TOKEN_KEY,
  // AGENT_BANNED).
  virtual absl::StatusOr<Agent> UseJoinToken(absl::string_view id, absl::string_view key_sha256,
                                             absl::Time identity_expire_time, absl::Time now,
                                             const audit::Entry& audit) = 0;

  virtual absl::StatusOr<std::vector<Agent>> ListAgents() = 0;         // all but removed, by name
  virtual absl::StatusOr<Agent> GetAgent(absl::string_view name) = 0;  // NOT_FOUND if removed
  virtual absl::StatusOr<Agent> SetDrained(absl::string_view name, bool drained, absl::Time now,
                                           const audit::Entry& audit) = 0;
  virtual absl::Status RemoveAgent(absl::string_view name, absl::Time now,
                                   const audit::Entry& audit) = 0;

  // What was changed of whom since `after` (0: ever): a token made or used, grants, a drain, a
  // removal, a ban. By any validator on the database.
  virtual absl::StatusOr<FleetChanges> ChangesSince(int64_t after) = 0;

  // Puts these grants in the place of the agent's. Another version in force than
  // `expected_version` (0: whichever) is ABORTED (VERSION_MISMATCH).
  virtual absl::StatusOr<Agent> SetGrants(absl::string_view name,
                                          const std::vector<ChallengeGrant>& grants,
                                          int64_t expected_version, absl::Time now,
                                          const audit::Entry& audit) = 0;
  // Of the name, those of removed enrollments too, newest first, below `before`.
  virtual absl::StatusOr<std::vector<GrantsVersion>> ListGrants(absl::string_view name,
                                                                int64_t before, int limit) = 0;

  // Of a name that is or was an agent's, else NOT_FOUND. A ban of a banned name takes its place.
  virtual absl::Status BanName(const Ban& ban, const audit::Entry& audit) = 0;
  // FAILED_PRECONDITION (reason NOT_BANNED) if it is not banned.
  virtual absl::Status LiftBan(absl::string_view name, absl::Time now,
                               const audit::Entry& audit) = 0;
  virtual absl::StatusOr<std::vector<Ban>> ListBans() = 0;  // by name

  // All NOT_FOUND (reason AGENT_REMOVED) unless that is the agent's present enrollment, used and
  // not banned.
  virtual absl::Status NoteIdentity(absl::string_view name, absl::string_view enrollment_id,
                                    absl::Time expire_time, absl::Time now,
                                    const audit::Entry& audit) = 0;
  // Without an entry if it has been written often enough.
  virtual absl::Status NoteSeen(absl::string_view name, absl::string_view enrollment_id,
                                const AgentReport& report,
                                const std::optional<audit::Entry>& audit = std::nullopt) = 0;
  // Two processes have this identity.
  virtual absl::Status NoteDuplicate(absl::string_view name, absl::string_view enrollment_id,
                                     const std::vector<std::string>& peers, absl::Time now,
                                     const std::optional<audit::Entry>& audit) = 0;

  // What was refused, or changed nothing that is stored.
  virtual absl::Status Audit(const audit::Entry& audit, absl::Time now) = 0;

  // FAILED_PRECONDITION (reason STALE_GENERATION) if a higher generation is stored, or this one is
  // stored as released: what arrives late brings nothing back.
  virtual absl::Status PutPresentation(const StoredPresentation& presentation) = 0;
  // Those of `ids` that there are, released or expired too. Without their requests unless asked.
  virtual absl::StatusOr<std::vector<StoredPresentation>> GetPresentations(
      const std::vector<std::string>& ids, bool with_requests) = 0;
  // All that are neither expired at `now` nor forgotten.
  virtual absl::StatusOr<std::vector<StoredPresentation>> LoadPresentations(absl::Time now) = 0;
  virtual absl::Status SweepPresentations(absl::Time now) = 0;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_STORE_STORE_H_
