#ifndef NORROY_VALIDATOR_STORE_SQL_STORE_H_
#define NORROY_VALIDATOR_STORE_SQL_STORE_H_

// The Store over the database port. The methods lie in join_tokens.cc, agents.cc, grants.cc,
// bans.cc and presentations.cc.

#include <optional>
#include <string>
#include <vector>

#include "common/audit/chain.h"
#include "common/sql/database.h"
#include "validator/store/store.h"

namespace norroy::validator {

// The column agents.state.
inline constexpr int64_t kInvited = 0;
inline constexpr int64_t kEnrolled = 1;
inline constexpr int64_t kRemoved = 2;

class SqlStore final : public Store {
 public:
  SqlStore(sql::Database& database, absl::string_view writer)
      : database_(database), chain_(writer) {}

  absl::Status CreateJoinToken(const JoinToken& token, bool replace, absl::Time now,
                               const audit::Entry& audit) override;
  absl::StatusOr<Agent> UseJoinToken(absl::string_view id, absl::string_view key_sha256,
                                     absl::Time identity_expire_time, absl::Time now,
                                     const audit::Entry& audit) override;
  absl::StatusOr<std::vector<Agent>> ListAgents() override;
  absl::StatusOr<Agent> GetAgent(absl::string_view name) override;
  absl::StatusOr<Agent> SetDrained(absl::string_view name, bool drained, absl::Time now,
                                   const audit::Entry& audit) override;
  absl::Status RemoveAgent(absl::string_view name, absl::Time now,
                           const audit::Entry& audit) override;
  absl::StatusOr<FleetChanges> ChangesSince(int64_t after) override;
  absl::StatusOr<Agent> SetGrants(absl::string_view name, const std::vector<ChallengeGrant>& grants,
                                  int64_t expected_version, absl::Time now,
                                  const audit::Entry& audit) override;
  absl::StatusOr<std::vector<GrantsVersion>> ListGrants(absl::string_view name, int64_t before,
                                                        int limit) override;
  absl::Status BanName(const Ban& ban, const audit::Entry& audit) override;
  absl::Status LiftBan(absl::string_view name, absl::Time now, const audit::Entry& audit) override;
  absl::StatusOr<std::vector<Ban>> ListBans() override;
  absl::Status NoteIdentity(absl::string_view name, absl::string_view enrollment_id,
                            absl::Time expire_time, absl::Time now,
                            const audit::Entry& audit) override;
  absl::Status NoteSeen(absl::string_view name, absl::string_view enrollment_id,
                        const AgentReport& report,
                        const std::optional<audit::Entry>& audit) override;
  absl::Status NoteDuplicate(absl::string_view name, absl::string_view enrollment_id,
                             const std::vector<std::string>& peers, absl::Time now,
                             const std::optional<audit::Entry>& audit) override;
  absl::Status Audit(const audit::Entry& audit, absl::Time now) override;
  absl::Status PutPresentation(const StoredPresentation& presentation) override;
  absl::StatusOr<std::vector<StoredPresentation>> GetPresentations(
      const std::vector<std::string>& ids, bool with_requests) override;
  absl::StatusOr<std::vector<StoredPresentation>> LoadPresentations(absl::Time now) override;
  absl::Status SweepPresentations(absl::Time now) override;

 private:
  sql::Database& database_;
  const audit::Chain chain_;
};

// Agents that are not removed, all or one. NOT_FOUND (reason AGENT_NOT_FOUND).
absl::StatusOr<std::vector<Agent>> ReadAgents(sql::Connection& connection);
absl::StatusOr<Agent> ReadAgent(sql::Connection& connection, absl::string_view name);
absl::Status AgentNotFound(absl::string_view name);
// Why a name is refused; absent: it is not banned.
absl::StatusOr<std::optional<Ban>> ReadBan(sql::Connection& connection, absl::string_view name);
absl::Status Banned(absl::StatusCode code, const Ban& ban);
// The number after the name's last version of grants.
absl::StatusOr<int64_t> NextGrantsVersion(sql::Connection& connection, absl::string_view name);
absl::Status KeepGrants(sql::Connection& connection, absl::string_view name,
                        const GrantsVersion& grants);

// Others' ChangesSince tells of the agent from the commit on.
absl::Status NoteFleetChange(sql::Connection& connection, absl::string_view name);

// True: there was one.
absl::StatusOr<bool> Remove(sql::Connection& connection, absl::string_view name, absl::Time now);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_STORE_SQL_STORE_H_
