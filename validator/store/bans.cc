// Bans are of names: no enrollment, old or new, gets past one.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "validator/store/sql_store.h"

namespace norroy::validator {
namespace {

Ban BanOf(const sql::Row& row) {
  return {row.Text(0), row.Text(1), row.Text(2), sql::TimeOf(row.Int(3))};
}

}  // namespace

absl::StatusOr<std::optional<Ban>> ReadBan(sql::Connection& connection, absl::string_view name) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT name, reason, principal, time FROM bans WHERE name = $1",
                       {std::string(name)}));
  if (rows.empty()) return std::nullopt;
  return BanOf(rows.front());
}

absl::Status Banned(absl::StatusCode code, const Ban& ban) {
  return MakeError(
      code, "AGENT_BANNED",
      absl::StrCat("agent ", ban.name, " was banned at ",
                   absl::FormatTime(absl::RFC3339_sec, ban.time, absl::UTCTimeZone()),
                   "; an operator has to lift that first: `norroy agent unban ", ban.name, "`"),
      {{"agent", ban.name}});
}

absl::Status SqlStore::BanName(const Ban& ban, const audit::Entry& audit) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    // A name that never was an agent's is a slip of the pen.
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> known,
        connection.Query("SELECT 1 FROM agents WHERE name = $1 LIMIT 1", {ban.name}));
    if (known.empty()) return AgentNotFound(ban.name);
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("INSERT INTO bans (name, reason, principal, time) VALUES ($1, $2, $3, $4) "
                     "ON CONFLICT (name) DO UPDATE SET reason = excluded.reason, "
                     "principal = excluded.principal, time = excluded.time",
                     {ban.name, ban.reason, ban.principal, sql::TimeColumn(ban.time)})
            .status());
    NORROY_RETURN_IF_ERROR(NoteFleetChange(connection, ban.name));
    return chain_.Append(connection, audit, ban.time);
  });
}

absl::Status SqlStore::LiftBan(absl::string_view name, absl::Time now, const audit::Entry& audit) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t lifted,
        connection.Execute("DELETE FROM bans WHERE name = $1", {std::string(name)}));
    if (lifted == 1) {
      NORROY_RETURN_IF_ERROR(NoteFleetChange(connection, name));
      return chain_.Append(connection, audit, now);
    }
    const std::string printable = Printable(name, 64);
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_BANNED",
                     absl::StrCat("agent ", printable, " is not banned"), {{"agent", printable}});
  });
}

absl::StatusOr<std::vector<Ban>> SqlStore::ListBans() {
  return sql::ReadFor<std::vector<Ban>>(
      database_, [](sql::Connection& connection) -> absl::StatusOr<std::vector<Ban>> {
        NORROY_ASSIGN_OR_RETURN(
            const std::vector<sql::Row> rows,
            connection.Query("SELECT name, reason, principal, time FROM bans ORDER BY name", {}));
        std::vector<Ban> bans;
        for (const sql::Row& row : rows) bans.push_back(BanOf(row));
        return bans;
      });
}

}  // namespace norroy::validator
