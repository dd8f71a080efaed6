#ifndef NORROY_VALIDATOR_STORE_SQL_STORE_H_
#define NORROY_VALIDATOR_STORE_SQL_STORE_H_

// The Store over the database port. The methods lie in join_tokens.cc, agents.cc and
// presentations.cc.

#include <string>
#include <vector>

#include "common/sql/database.h"
#include "validator/store/store.h"

namespace norroy::validator {

// The column agents.state.
inline constexpr int64_t kInvited = 0;
inline constexpr int64_t kEnrolled = 1;
inline constexpr int64_t kRemoved = 2;

class SqlStore final : public Store {
 public:
  explicit SqlStore(sql::Database& database) : database_(database) {}

  absl::Status CreateJoinToken(const JoinToken& token, bool replace, absl::Time now) override;
  absl::StatusOr<Agent> UseJoinToken(absl::string_view id, absl::string_view key_sha256,
                                     absl::Time identity_expire_time, absl::Time now) override;

  absl::StatusOr<std::vector<Agent>> ListAgents() override;
  absl::StatusOr<Agent> GetAgent(absl::string_view name) override;
  absl::StatusOr<Agent> SetDrained(absl::string_view name, bool drained) override;
  absl::Status RemoveAgent(absl::string_view name, absl::Time now) override;
  absl::Status NoteIdentity(absl::string_view name, absl::string_view enrollment_id,
                            absl::Time expire_time) override;
  absl::Status NoteSeen(absl::string_view name, absl::string_view enrollment_id,
                        const AgentReport& report) override;

  absl::Status PutPresentation(const StoredPresentation& presentation) override;
  absl::StatusOr<std::vector<StoredPresentation>> LoadPresentations(absl::Time now) override;
  absl::Status SweepPresentations(absl::Time now) override;

 private:
  sql::Database& database_;
};

// Agents that are not removed, all or one. NOT_FOUND (reason AGENT_NOT_FOUND).
absl::StatusOr<std::vector<Agent>> ReadAgents(sql::Connection& connection);
absl::StatusOr<Agent> ReadAgent(sql::Connection& connection, absl::string_view name);
absl::Status AgentNotFound(absl::string_view name);
// True: there was one.
absl::StatusOr<bool> Remove(sql::Connection& connection, absl::string_view name, absl::Time now);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_STORE_SQL_STORE_H_
