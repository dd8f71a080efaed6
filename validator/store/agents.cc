#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "validator/store/records.h"
#include "validator/store/sql_store.h"

namespace norroy::validator {
namespace {

#define NORROY_AGENT_COLUMNS                                                             \
  "SELECT name, enrollment_id, state, drained, grants, report, seen_time, enroll_time, " \
  "identity_expire_time FROM agents WHERE state <> 2 "
constexpr char kAllAgents[] = NORROY_AGENT_COLUMNS "ORDER BY name";
constexpr char kOneAgent[] = NORROY_AGENT_COLUMNS "AND name = $1";
#undef NORROY_AGENT_COLUMNS

absl::StatusOr<Agent> AgentOf(const sql::Row& row) {
  Agent agent;
  agent.name = row.Text(0);
  agent.enrollment_id = row.Text(1);
  agent.state = row.Int(2) == kEnrolled ? AgentState::kEnrolled : AgentState::kInvited;
  agent.drained = row.Int(3) != 0;
  absl::StatusOr<std::vector<ChallengeGrant>> grants = ParseGrants(row.Bytes(4));
  if (!grants.ok()) return WithContext(grants.status(), absl::StrCat("agent ", agent.name));
  agent.grants = *std::move(grants);
  absl::StatusOr<AgentReport> report = ParseReport(row.Bytes(5));
  if (!report.ok()) return WithContext(report.status(), absl::StrCat("agent ", agent.name));
  agent.report = *std::move(report);
  agent.report.seen_time = sql::TimeOf(row.Int(6));
  agent.enroll_time = sql::TimeOf(row.Int(7));
  agent.identity_expire_time = sql::TimeOf(row.Int(8));
  return agent;
}

// What an enrollment that is over says changes nothing.
absl::Status CheckChanged(int64_t changed, absl::string_view name,
                          absl::string_view enrollment_id) {
  if (changed == 1) return absl::OkStatus();
  return MakeError(absl::StatusCode::kNotFound, "AGENT_REMOVED",
                   absl::StrCat("enrollment ", Printable(enrollment_id, 64), " of agent ",
                                Printable(name, 64), " is over: it was removed or replaced"),
                   {{"agent", Printable(name, 64)}});
}

}  // namespace

std::unique_ptr<Store> Store::Make(sql::Database& database) {
  return std::make_unique<SqlStore>(database);
}

absl::Status AgentNotFound(absl::string_view name) {
  const std::string printable = Printable(name, 64);
  return MakeError(absl::StatusCode::kNotFound, "AGENT_NOT_FOUND",
                   absl::StrCat("there is no agent ", printable), {{"agent", printable}});
}

absl::StatusOr<std::vector<Agent>> ReadAgents(sql::Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows, connection.Query(kAllAgents, {}));
  std::vector<Agent> agents;
  agents.reserve(rows.size());
  for (const sql::Row& row : rows) {
    NORROY_ASSIGN_OR_RETURN(Agent agent, AgentOf(row));
    agents.push_back(std::move(agent));
  }
  return agents;
}

absl::StatusOr<Agent> ReadAgent(sql::Connection& connection, absl::string_view name) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                          connection.Query(kOneAgent, {std::string(name)}));
  if (rows.empty()) return AgentNotFound(name);
  return AgentOf(rows.front());
}

absl::StatusOr<bool> Remove(sql::Connection& connection, absl::string_view name, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(
      const int64_t removed,
      connection.Execute(
          "UPDATE agents SET state = $1, remove_time = $2 WHERE name = $3 AND state <> 2",
          {kRemoved, sql::TimeColumn(now), std::string(name)}));
  return removed > 0;
}

absl::StatusOr<std::vector<Agent>> SqlStore::ListAgents() {
  return sql::ReadFor<std::vector<Agent>>(database_, ReadAgents);
}

absl::StatusOr<Agent> SqlStore::GetAgent(absl::string_view name) {
  return sql::ReadFor<Agent>(
      database_, [&](sql::Connection& connection) { return ReadAgent(connection, name); });
}

absl::StatusOr<Agent> SqlStore::SetDrained(absl::string_view name, bool drained) {
  return sql::WriteFor<Agent>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Agent> {
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("UPDATE agents SET drained = $1 WHERE name = $2 AND state <> 2",
                     {int64_t{drained}, std::string(name)})
            .status());
    return ReadAgent(connection, name);
  });
}

absl::Status SqlStore::RemoveAgent(absl::string_view name, absl::Time now) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(const bool removed, Remove(connection, name, now));
    return removed ? absl::OkStatus() : AgentNotFound(name);
  });
}

absl::Status SqlStore::NoteIdentity(absl::string_view name, absl::string_view enrollment_id,
                                    absl::Time expire_time) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t changed,
        connection.Execute("UPDATE agents SET identity_expire_time = $1 WHERE name = $2 AND "
                           "enrollment_id = $3 AND state = $4",
                           {sql::TimeColumn(expire_time), std::string(name),
                            std::string(enrollment_id), kEnrolled}));
    return CheckChanged(changed, name, enrollment_id);
  });
}

absl::Status SqlStore::NoteSeen(absl::string_view name, absl::string_view enrollment_id,
                                const AgentReport& report) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t changed,
        connection.Execute("UPDATE agents SET report = $1, seen_time = $2 WHERE name = $3 AND "
                           "enrollment_id = $4 AND state = $5",
                           {sql::Blob{ReportBytes(report)}, sql::TimeColumn(report.seen_time),
                            std::string(name), std::string(enrollment_id), kEnrolled}));
    return CheckChanged(changed, name, enrollment_id);
  });
}

}  // namespace norroy::validator
