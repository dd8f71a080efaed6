// Which agents were changed, so that other validators on the database find out without reading all
// of them.

#include <algorithm>
#include <string>
#include <vector>

#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "validator/store/sql_store.h"

namespace norroy::validator {
namespace {

// Older ones are forgotten; who has missed more reads everything.
constexpr int64_t kKept = 10'000;

absl::StatusOr<int64_t> Version(sql::Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                          connection.Query("SELECT version FROM fleet WHERE id = 1", {}));
  return rows.empty() ? 0 : rows.front().Int(0);
}

}  // namespace

// The one row of `fleet` is locked until the commit: versions become visible in their order.
absl::Status NoteFleetChange(sql::Connection& connection, absl::string_view name) {
  NORROY_RETURN_IF_ERROR(connection
                             .Execute("INSERT INTO fleet (id, version) VALUES (1, 1) "
                                      "ON CONFLICT (id) DO UPDATE SET version = fleet.version + 1",
                                      {})
                             .status());
  NORROY_ASSIGN_OR_RETURN(const int64_t version, Version(connection));
  NORROY_RETURN_IF_ERROR(
      connection.Execute("DELETE FROM fleet_changes WHERE version <= $1", {version - kKept})
          .status());
  return connection
      .Execute("INSERT INTO fleet_changes (version, name) VALUES ($1, $2)",
               {version, std::string(name)})
      .status();
}

absl::StatusOr<FleetChanges> SqlStore::ChangesSince(int64_t after) {
  const auto read = [after](sql::Connection& connection) -> absl::StatusOr<FleetChanges> {
    FleetChanges changes;
    NORROY_ASSIGN_OR_RETURN(changes.version, Version(connection));
    // A version that never was is of another life of the database.
    changes.all = after < changes.version - kKept || after > changes.version;
    if (changes.all || after == changes.version) return changes;
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT DISTINCT name FROM fleet_changes WHERE version > $1", {after}));
    for (const sql::Row& row : rows) changes.names.push_back(row.Text(0));
    std::sort(changes.names.begin(), changes.names.end());
    return changes;
  };
  return sql::ReadFor<FleetChanges>(database_, read);
}

}  // namespace norroy::validator
