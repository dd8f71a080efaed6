#include "common/sql/schema.h"

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

absl::StatusOr<bool> HasTable(Connection& connection, const std::string& name) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                          connection.Query("SELECT to_regclass($1) IS NOT NULL", {name}));
  return rows.at(0).Int(0) == 1;
}

absl::StatusOr<int64_t> VersionOf(Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                          connection.Query("SELECT MAX(version) FROM schema_version", {}));
  return rows.at(0).Int(0);
}

absl::Status CheckService(Connection& connection, const Schema& schema, bool& known) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                          connection.Query("SELECT service FROM database_of", {}));
  known = !rows.empty();
  if (!known || rows.at(0).Text(0) == schema.service) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "OTHER_SCHEMA",
      absl::StrCat("the database belongs to the ", Printable(rows.at(0).Text(0), 64), ", not the ",
                   schema.service, ": each needs one of its own; see `database` in ",
                   schema.service, ".yaml"));
}

absl::Status Claim(Connection& connection, const Schema& schema) {
  NORROY_RETURN_IF_ERROR(
      connection
          .Execute("CREATE TABLE IF NOT EXISTS database_of (service TEXT PRIMARY KEY) STRICT", {})
          .status());
  bool known = false;
  NORROY_RETURN_IF_ERROR(CheckService(connection, schema, known));
  if (known) return absl::OkStatus();
  return connection.Execute("INSERT INTO database_of (service) VALUES ($1)", {schema.service})
      .status();
}

// 0: it is new.
absl::StatusOr<int64_t> CheckedVersion(Connection& connection, const Schema& schema) {
  NORROY_ASSIGN_OR_RETURN(const bool claimed, HasTable(connection, "database_of"));
  bool known = false;
  if (claimed) NORROY_RETURN_IF_ERROR(CheckService(connection, schema, known));
  NORROY_ASSIGN_OR_RETURN(const bool versioned, HasTable(connection, "schema_version"));
  return versioned ? VersionOf(connection) : absl::StatusOr<int64_t>(0);
}

}  // namespace

absl::Status MigrateFor(Database& database, const Schema& schema) {
  NORROY_RETURN_IF_ERROR(
      database.Write([&](Connection& connection) { return Claim(connection, schema); }));
  return Migrate(database, schema.migrations);
}

absl::Status CheckSchema(Database& database, const Schema& schema) {
  NORROY_ASSIGN_OR_RETURN(const int64_t version, ReadFor<int64_t>(database, [&](Connection& c) {
                            return CheckedVersion(c, schema);
                          }));
  const int64_t known = static_cast<int64_t>(schema.migrations.size());
  if (version == known) return absl::OkStatus();
  const ErrorMetadata versions = {{"version", absl::StrCat(version)},
                                  {"known", absl::StrCat(known)}};
  const std::string has = absl::StrCat("the database has schema version ", version,
                                       ", this program is for version ", known);
  if (version > known) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NEWER_SCHEMA",
                     absl::StrCat(has, ": run the newer program"), versions);
  }
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "OLDER_SCHEMA",
      absl::StrCat(version == 0 ? "the database is empty" : has, ": stop every ", schema.service,
                   " that uses it, then run norroy-", schema.service, " migrate --config FILE"),
      versions);
}

absl::StatusOr<int64_t> SchemaVersion(Database& database) {
  return ReadFor<int64_t>(database, VersionOf);
}

}  // namespace norroy::sql
