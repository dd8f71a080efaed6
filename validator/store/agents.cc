#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "validator/store/records.h"
#include "validator/store/sql_store.h"

namespace norroy::validator {
namespace {

#define NORROY_AGENT_COLUMNS                                                            \
  "SELECT agents.name, enrollment_id, state, drained, grants, report, seen_time, "      \
  "enroll_time, identity_expire_time, grants_version, duplicate_time, "                 \
  "duplicate_peers, bans.reason, bans.principal, bans.time FROM agents LEFT JOIN bans " \
  "ON bans.name = agents.name WHERE state <> 2 "
constexpr char kAllAgents[] = NORROY_AGENT_COLUMNS "ORDER BY agents.name";
constexpr char kOneAgent[] = NORROY_AGENT_COLUMNS "AND agents.name = $1";
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
  agent.grants_version = row.Int(9);
  if (!row.IsNull(10)) agent.duplicate_time = sql::TimeOf(row.Int(10));
  agent.duplicate_peers = absl::StrSplit(row.Text(11), '\n', absl::SkipEmpty());
  if (!row.IsNull(14)) {
    agent.ban = Ban{agent.name, row.Text(12), row.Text(13), sql::TimeOf(row.Int(14))};
  }
  return agent;
}

// What only the agent's present enrollment changes, and only while it is not banned. Its
// parameters follow those of the change: name, enrollment id, kEnrolled.
std::string OfPresentEnrollment(int first) {
  return absl::StrCat(" WHERE name = $", first, " AND enrollment_id = $", first + 1,
                      " AND state = $", first + 2,
                      " AND NOT EXISTS (SELECT 1 FROM bans WHERE bans.name = agents.name)");
}

// What an enrollment that is over says changes nothing.
absl::Status CheckChanged(int64_t changed, absl::string_view name,
                          absl::string_view enrollment_id) {
  if (changed == 1) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kNotFound, "AGENT_REMOVED",
      absl::StrCat("enrollment ", Printable(enrollment_id, 64), " of agent ", Printable(name, 64),
                   " is over: it was removed, replaced or banned"),
      {{"agent", Printable(name, 64)}});
}

}  // namespace

std::unique_ptr<Store> Store::Make(sql::Database& database, absl::string_view writer) {
  return std::make_unique<SqlStore>(database, writer);
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

absl::StatusOr<Agent> SqlStore::SetDrained(absl::string_view name, bool drained, absl::Time now,
                                           const audit::Entry& audit) {
  return sql::WriteFor<Agent>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Agent> {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t changed,
        connection.Execute("UPDATE agents SET drained = $1 WHERE name = $2 AND state <> 2",
                           {int64_t{drained}, std::string(name)}));
    if (changed == 0) return AgentNotFound(name);
    NORROY_RETURN_IF_ERROR(NoteFleetChange(connection, name));
    NORROY_RETURN_IF_ERROR(chain_.Append(connection, audit, now));
    return ReadAgent(connection, name);
  });
}

absl::Status SqlStore::RemoveAgent(absl::string_view name, absl::Time now,
                                   const audit::Entry& audit) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(const bool removed, Remove(connection, name, now));
    if (!removed) return AgentNotFound(name);
    NORROY_RETURN_IF_ERROR(NoteFleetChange(connection, name));
    return chain_.Append(connection, audit, now);
  });
}

absl::Status SqlStore::NoteIdentity(absl::string_view name, absl::string_view enrollment_id,
                                    absl::Time expire_time, absl::Time now,
                                    const audit::Entry& audit) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t changed,
        connection.Execute("UPDATE agents SET identity_expire_time = $1" + OfPresentEnrollment(2),
                           {sql::TimeColumn(expire_time), std::string(name),
                            std::string(enrollment_id), kEnrolled}));
    NORROY_RETURN_IF_ERROR(CheckChanged(changed, name, enrollment_id));
    return chain_.Append(connection, audit, now);
  });
}

absl::Status SqlStore::NoteSeen(absl::string_view name, absl::string_view enrollment_id,
                                const AgentReport& report,
                                const std::optional<audit::Entry>& audit) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t changed,
        connection.Execute("UPDATE agents SET report = $1, seen_time = $2" + OfPresentEnrollment(3),
                           {sql::Blob{ReportBytes(report)}, sql::TimeColumn(report.seen_time),
                            std::string(name), std::string(enrollment_id), kEnrolled}));
    NORROY_RETURN_IF_ERROR(CheckChanged(changed, name, enrollment_id));
    if (!audit.has_value()) return absl::OkStatus();
    return chain_.Append(connection, *audit, report.seen_time);
  });
}

absl::Status SqlStore::NoteDuplicate(absl::string_view name, absl::string_view enrollment_id,
                                     const std::vector<std::string>& peers, absl::Time now,
                                     const std::optional<audit::Entry>& audit) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t changed,
        connection.Execute(
            "UPDATE agents SET duplicate_time = $1, duplicate_peers = $2" + OfPresentEnrollment(3),
            {sql::TimeColumn(now), absl::StrJoin(peers, "\n"), std::string(name),
             std::string(enrollment_id), kEnrolled}));
    NORROY_RETURN_IF_ERROR(CheckChanged(changed, name, enrollment_id));
    if (!audit.has_value()) return absl::OkStatus();
    return chain_.Append(connection, *audit, now);
  });
}

absl::Status SqlStore::Audit(const audit::Entry& audit, absl::Time now) {
  return database_.Write(
      [&](sql::Connection& connection) { return chain_.Append(connection, audit, now); });
}

}  // namespace norroy::validator
