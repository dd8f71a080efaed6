#include "common/daemon/maintenance.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/audit/chain.h"
#include "common/daemon/database.h"
#include "common/error/error.h"
#include "common/sql/copy_tables.h"
#include "common/sql/postgres_database.h"
#include "common/sql/sqlite_backup.h"
#include "common/status_macros.h"

namespace norroy::daemon {
namespace {

absl::Status WrongDatabase(absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_DATABASE", message);
}

absl::StatusOr<std::string> MigrateNow(const std::string& database, const sql::Schema& schema) {
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<OwnDatabase> own,
                          OwnDatabase::OpenWhole(database, schema, "migration"));
  NORROY_ASSIGN_OR_RETURN(const int64_t version, sql::SchemaVersion(**own));
  return absl::StrCat("schema version ", version, "\n");
}

// Entries cut off a chain's end would leave whole chains: the heads have to be the same.
absl::Status CompareAudit(sql::Connection& from, sql::Connection& to, std::string& report) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<audit::Head> there, audit::VerifyChains(from));
  NORROY_ASSIGN_OR_RETURN(const std::vector<audit::Head> here, audit::VerifyChains(to));
  report.clear();
  for (size_t i = 0; i < there.size(); ++i) {
    if (i >= here.size() || here[i].writer != there[i].writer || here[i].seq != there[i].seq ||
        here[i].hash != there[i].hash) {
      return absl::DataLossError(
          absl::StrCat("the audit log of ", there[i].writer, " arrived otherwise than it was"));
    }
    absl::StrAppend(&report, "audit log of ", here[i].writer, ": ", here[i].seq,
                    " entries, whole; head ", here[i].hash, "\n");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Import(const std::string& file, const std::string& database,
                                   const sql::Schema& schema) {
  if (!sql::IsPostgresUrl(database)) {
    return WrongDatabase(absl::StrCat("import brings a file into PostgreSQL; `database` is ",
                                      database, ": to move a file, stop the process and move it"));
  }
  if (access(file.c_str(), R_OK | W_OK) != 0) {
    return WrongDatabase(absl::StrCat(file, ": there is no such file for this user"));
  }
  NORROY_RETURN_IF_ERROR(TakeForThisProcess(file));
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Database> from, sql::OpenSqlite(file));
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<OwnDatabase> to,
                          OwnDatabase::OpenWhole(database, schema, "import"));
  std::string audit;
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::CopiedTable> tables,
      sql::CopyTables(*from, **to, [&](sql::Connection& source, sql::Connection& target) {
        return CompareAudit(source, target, audit);
      }));
  std::string report;
  for (const sql::CopiedTable& table : tables) {
    absl::StrAppend(&report, table.name, ": ", table.rows, " rows\n");
  }
  return absl::StrCat(report, audit, file, " is not used any more; put it aside\n");
}

absl::StatusOr<std::string> BackUp(const std::string& database, const std::string& out) {
  if (sql::IsPostgresUrl(database)) {
    return WrongDatabase(absl::StrCat("PostgreSQL makes its own backups: pg_dump --format=custom ",
                                      "--file=", out, " '", database, "'"));
  }
  NORROY_RETURN_IF_ERROR(sql::BackUpSqlite(database, out));
  return absl::StrCat(out, ": whole\n");
}

}  // namespace

const std::vector<Command>& DatabaseCommands() {
  static const auto* const commands = new std::vector<Command>{
      {"migrate", "", "bring the database to this program's schema, then end"},
      {"import", "--from", "bring all of a SQLite file into the PostgreSQL database, then end"},
      {"backup", "--out", "copy the SQLite file as it is now, then end"},
  };
  return *commands;
}

absl::StatusOr<std::string> Maintain(const Flags& flags, const std::string& database,
                                     const sql::Schema& schema) {
  if (flags.command == "migrate") return MigrateNow(database, schema);
  if (flags.command == "import") return Import(flags.file, database, schema);
  return BackUp(database, flags.file);
}

}  // namespace norroy::daemon
