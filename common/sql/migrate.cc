#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/sql/database.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

absl::StatusOr<int64_t> VersionOf(Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                          connection.Query("SELECT MAX(version) FROM schema_version", {}));
  return rows.at(0).Int(0);
}

// Another process may have done the step since we looked.
absl::Status Step(Connection& connection, const Migration& migration) {
  NORROY_ASSIGN_OR_RETURN(const int64_t version, VersionOf(connection));
  if (version >= migration.version) return absl::OkStatus();
  // First, so that another process that is at the same step waits here.
  NORROY_RETURN_IF_ERROR(
      connection
          .Execute("INSERT INTO schema_version (version) VALUES ($1)", {int64_t{migration.version}})
          .status());
  for (absl::string_view statement : absl::StrSplit(migration.sql, ';')) {
    statement = absl::StripAsciiWhitespace(statement);
    if (statement.empty()) continue;
    NORROY_RETURN_IF_ERROR(connection.Execute(statement, {}).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Begin(Database& database) {
  const absl::Status created = database.Write([](Connection& connection) {
    return connection
        .Execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT",
                 {})
        .status();
  });
  // PostgreSQL's IF NOT EXISTS loses against another process's, with one of several errors: what
  // counts is whether the table is there.
  absl::StatusOr<int64_t> version = ReadFor<int64_t>(database, VersionOf);
  if (!version.ok() && !created.ok()) return created;
  return version;
}

// Several processes may start on one new database at once: what one could not do because another
// did it at the same moment is done.
bool IsDone(Database& database, const Migration& migration) {
  const absl::StatusOr<int64_t> version = ReadFor<int64_t>(database, VersionOf);
  return version.ok() && *version >= migration.version;
}

}  // namespace

absl::Status Migrate(Database& database, const std::vector<Migration>& migrations) {
  for (size_t i = 0; i < migrations.size(); ++i) {
    NORROY_CHECK(migrations[i].version == static_cast<int>(i) + 1);
  }
  NORROY_ASSIGN_OR_RETURN(const int64_t version, Begin(database));
  const int64_t known = static_cast<int64_t>(migrations.size());
  if (version > known) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "NEWER_SCHEMA",
        absl::StrCat("the database has schema version ", version,
                     ", this program knows up to version ", known,
                     ": run the newer program, or restore a backup made before the upgrade"),
        {{"version", absl::StrCat(version)}, {"known", absl::StrCat(known)}});
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= version) continue;
    NORROY_FAILPOINT("sql.migrating");
    const absl::Status status =
        database.Write([&](Connection& connection) { return Step(connection, migration); });
    if (!status.ok() && !IsDone(database, migration)) {
      return WithContext(status, absl::StrCat("schema version ", migration.version));
    }
  }
  return absl::OkStatus();
}

}  // namespace norroy::sql
