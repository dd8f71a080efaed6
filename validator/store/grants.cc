// Every version of agents' grants is kept: who could be asked for what, and when, stays known.

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

absl::Status VersionMismatch(const Agent& agent, int64_t expected) {
  return MakeError(
      absl::StatusCode::kAborted, "VERSION_MISMATCH",
      absl::StrCat("the grants of agent ", agent.name, " are at version ", agent.grants_version,
                   ", not ", expected, ": look at them again, then say that version"),
      {{"agent", agent.name}, {"version", absl::StrCat(agent.grants_version)}});
}

absl::StatusOr<GrantsVersion> VersionOf(absl::string_view name, const sql::Row& row) {
  GrantsVersion version = {.version = row.Int(0),
                           .enrollment_id = row.Text(1),
                           .grants = {},
                           .creator = row.Text(3),
                           .create_time = sql::TimeOf(row.Int(4))};
  absl::StatusOr<std::vector<ChallengeGrant>> grants = ParseGrants(row.Bytes(2));
  if (!grants.ok()) {
    return WithContext(grants.status(), absl::StrCat("agent ", Printable(name, 64),
                                                     ", grants version ", version.version));
  }
  version.grants = *std::move(grants);
  return version;
}

}  // namespace

absl::StatusOr<int64_t> NextGrantsVersion(sql::Connection& connection, absl::string_view name) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT COALESCE(MAX(version), 0) FROM agent_grants WHERE name = $1",
                       {std::string(name)}));
  return rows.at(0).Int(0) + 1;
}

absl::Status KeepGrants(sql::Connection& connection, absl::string_view name,
                        const GrantsVersion& grants) {
  return connection
      .Execute(
          "INSERT INTO agent_grants (name, version, enrollment_id, grants, creator, "
          "create_time) VALUES ($1, $2, $3, $4, $5, $6)",
          {std::string(name), grants.version, grants.enrollment_id,
           sql::Blob{GrantsBytes(grants.grants)}, grants.creator,
           sql::TimeColumn(grants.create_time)})
      .status();
}

absl::StatusOr<Agent> SqlStore::SetGrants(absl::string_view name,
                                          const std::vector<ChallengeGrant>& grants,
                                          int64_t expected_version, absl::Time now,
                                          const audit::Entry& audit) {
  return sql::WriteFor<Agent>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Agent> {
    // One statement decides: of two that have seen the same version, one changes the row.
    NORROY_ASSIGN_OR_RETURN(
        const int64_t changed,
        connection.Execute("UPDATE agents SET grants = $1, grants_version = grants_version + 1 "
                           "WHERE name = $2 AND state <> 2 AND ($3 = 0 OR grants_version = $3)",
                           {sql::Blob{GrantsBytes(grants)}, std::string(name), expected_version}));
    NORROY_ASSIGN_OR_RETURN(Agent agent, ReadAgent(connection, name));
    if (changed == 0) return VersionMismatch(agent, expected_version);
    NORROY_RETURN_IF_ERROR(KeepGrants(connection, name,
                                      {.version = agent.grants_version,
                                       .enrollment_id = agent.enrollment_id,
                                       .grants = grants,
                                       .creator = audit.principal,
                                       .create_time = now}));
    NORROY_RETURN_IF_ERROR(NoteFleetChange(connection, name));
    NORROY_RETURN_IF_ERROR(chain_.Append(connection, audit, now));
    return agent;
  });
}

absl::StatusOr<std::vector<GrantsVersion>> SqlStore::ListGrants(absl::string_view name,
                                                                int64_t before, int limit) {
  return sql::ReadFor<std::vector<GrantsVersion>>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<std::vector<GrantsVersion>> {
        NORROY_ASSIGN_OR_RETURN(
            const std::vector<sql::Row> rows,
            connection.Query("SELECT version, enrollment_id, grants, creator, create_time FROM "
                             "agent_grants WHERE name = $1 AND version < $2 ORDER BY version DESC "
                             "LIMIT $3",
                             {std::string(name), before, int64_t{limit}}));
        std::vector<GrantsVersion> versions;
        for (const sql::Row& row : rows) {
          NORROY_ASSIGN_OR_RETURN(GrantsVersion version, VersionOf(name, row));
          versions.push_back(std::move(version));
        }
        return versions;
      });
}

}  // namespace norroy::validator
