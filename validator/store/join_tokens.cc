#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "validator/store/records.h"
#include "validator/store/sql_store.h"

namespace norroy::validator {
namespace {

absl::Status InsertAgent(sql::Connection& connection, const JoinToken& token, absl::Time now,
                         const std::string& creator) {
  NORROY_ASSIGN_OR_RETURN(const int64_t version, NextGrantsVersion(connection, token.agent_name));
  NORROY_RETURN_IF_ERROR(
      connection
          .Execute("INSERT INTO agents (enrollment_id, name, state, drained, grants, report, "
                   "seen_time, create_time, enroll_time, identity_expire_time, remove_time, "
                   "grants_version) VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $6, $6, $8, $9)",
                   {token.id, token.agent_name, kInvited, sql::Blob{GrantsBytes(token.grants)},
                    sql::Blob{ReportBytes({})}, sql::TimeColumn(absl::UnixEpoch()),
                    sql::TimeColumn(now), sql::kInfiniteFuture, version})
          .status());
  return KeepGrants(connection, token.agent_name,
                    {.version = version,
                     .enrollment_id = token.id,
                     .grants = token.grants,
                     .creator = creator,
                     .create_time = now});
}

// OK if the token's agent has a name that is not banned.
absl::Status CheckNotBanned(sql::Connection& connection, const std::string& id) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT name FROM agents WHERE enrollment_id = $1", {id}));
  if (rows.empty()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const std::optional<Ban> ban, ReadBan(connection, rows[0].Text(0)));
  return ban.has_value() ? Banned(absl::StatusCode::kPermissionDenied, *ban) : absl::OkStatus();
}

// Why the token was not taken. Whoever does not have its key learns no more than that.
absl::Status WhyNot(sql::Connection& connection, const std::string& id,
                    const std::string& key_sha256) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT key_sha256, used_time, expire_time FROM join_tokens WHERE id = $1",
                       {id}));
  if (rows.empty()) {
    return MakeError(absl::StatusCode::kNotFound, "TOKEN_UNKNOWN",
                     "this validator does not know the join token; was it made for another one, or "
                     "replaced? Make a new one with `norroy agent token create`");
  }
  const sql::Row& row = rows.front();
  if (row.Text(0) != key_sha256) {
    return MakeError(absl::StatusCode::kPermissionDenied, "TOKEN_KEY",
                     "the join token belongs to another bootstrap key");
  }
  if (!row.IsNull(1)) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "TOKEN_USED",
        absl::StrCat(
            "the join token was used at ",
            absl::FormatTime(absl::RFC3339_sec, sql::TimeOf(row.Int(1)), absl::UTCTimeZone()),
            "; it works once. If that was not you, remove the agent; then make a new "
            "token with `norroy agent token create`"));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "TOKEN_EXPIRED",
                   absl::StrCat("the join token expired at ",
                                absl::FormatTime(absl::RFC3339_sec, sql::TimeOf(row.Int(2)),
                                                 absl::UTCTimeZone()),
                                "; make a new one with `norroy agent token create`"));
}

// The token of an agent that was removed or replaced before it came is worth nothing.
absl::Status Enroll(sql::Connection& connection, const std::string& id,
                    absl::Time identity_expire_time, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(
      const int64_t enrolled,
      connection.Execute(
          "UPDATE agents SET state = $1, enroll_time = $2, "
          "identity_expire_time = $3 WHERE enrollment_id = $4 AND state = $5",
          {kEnrolled, sql::TimeColumn(now), sql::TimeColumn(identity_expire_time), id, kInvited}));
  if (enrolled == 1) return absl::OkStatus();
  return MakeError(absl::StatusCode::kNotFound, "TOKEN_UNKNOWN",
                   "the agent of this join token was removed; make a new one with `norroy agent "
                   "token create`");
}

}  // namespace

absl::Status SqlStore::CreateJoinToken(const JoinToken& token, bool replace, absl::Time now,
                                       const audit::Entry& audit) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(const std::optional<Ban> ban, ReadBan(connection, token.agent_name));
    if (ban.has_value()) return Banned(absl::StatusCode::kFailedPrecondition, *ban);
    if (replace) {
      NORROY_RETURN_IF_ERROR(Remove(connection, token.agent_name, now).status());
    } else if (!absl::IsNotFound(ReadAgent(connection, token.agent_name).status())) {
      return MakeError(absl::StatusCode::kAlreadyExists, "AGENT_EXISTS",
                       absl::StrCat("there is an agent ", token.agent_name,
                                    "; take another name, remove it, or replace it"),
                       {{"agent", token.agent_name}});
    }
    NORROY_RETURN_IF_ERROR(InsertAgent(connection, token, now, audit.principal));
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("INSERT INTO join_tokens (id, key_sha256, expire_time) VALUES ($1, $2, $3)",
                     {token.id, token.key_sha256, sql::TimeColumn(token.expire_time)})
            .status());
    NORROY_RETURN_IF_ERROR(NoteFleetChange(connection, token.agent_name));
    return chain_.Append(connection, audit, now);
  });
}

absl::StatusOr<Agent> SqlStore::UseJoinToken(absl::string_view id, absl::string_view key_sha256,
                                             absl::Time identity_expire_time, absl::Time now,
                                             const audit::Entry& audit) {
  const auto use = [&](sql::Connection& connection) -> absl::StatusOr<Agent> {
    const std::string token(id);
    const std::string key(key_sha256);
    // One statement decides whose it is: of any number that come at once, one changes the row.
    NORROY_ASSIGN_OR_RETURN(
        const int64_t taken,
        connection.Execute("UPDATE join_tokens SET used_time = $1 WHERE id = $2 AND "
                           "key_sha256 = $3 AND used_time IS NULL AND expire_time > $1",
                           {sql::TimeColumn(now), token, key}));
    if (taken != 1) return WhyNot(connection, token, key);
    NORROY_RETURN_IF_ERROR(CheckNotBanned(connection, token));
    NORROY_RETURN_IF_ERROR(Enroll(connection, token, identity_expire_time, now));
    NORROY_RETURN_IF_ERROR(chain_.Append(connection, audit, now));
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT name FROM agents WHERE enrollment_id = $1", {token}));
    NORROY_RETURN_IF_ERROR(NoteFleetChange(connection, rows.at(0).Text(0)));
    return ReadAgent(connection, rows.at(0).Text(0));
  };
  return sql::WriteFor<Agent>(database_, use);
}

}  // namespace norroy::validator
