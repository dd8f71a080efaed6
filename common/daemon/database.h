#ifndef NORROY_COMMON_DAEMON_DATABASE_H_
#define NORROY_COMMON_DAEMON_DATABASE_H_

// A server's database, chosen by its configuration: a file (SQLite), which belongs to one process
// at a time, or a PostgreSQL URL, where several processes may work at once as long as their names
// differ.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sql/database.h"
#include "common/sql/process_name.h"
#include "common/sql/schema.h"

namespace norroy::daemon {

// The configuration's word for it: a path that must be there, relative to the configuration's own
// folder, or a URL that says a safe way (CheckPostgresUrl). INVALID_ARGUMENT, reason BAD_CONFIG.
absl::StatusOr<std::string> ReadDatabase(absl::string_view field, const std::string& config_path,
                                         const std::string& text);

// Taken for this process, open, with the schema that the program knows.
class OwnDatabase {
 public:
  // For the process of this name ("issuer/main") to serve from; `database` is from ReadDatabase. A
  // file is migrated; a PostgreSQL database, which others may be using, must have the schema
  // already (OLDER_SCHEMA). FAILED_PRECONDITION, reason IN_USE: another process has the file, or
  // the name, or migrates the database. On PostgreSQL, if another process of the same name takes
  // our place while we were cut off from the server, this process ends at once (exit code
  // kExitFailed): what it had under way is that one's.
  static absl::StatusOr<std::unique_ptr<OwnDatabase>> Open(const std::string& database,
                                                           const sql::Schema& schema,
                                                           const std::string& process);
  // For `purpose` ("migration"), with nobody else on it, and migrated.
  static absl::StatusOr<std::unique_ptr<OwnDatabase>> OpenWhole(const std::string& database,
                                                                const sql::Schema& schema,
                                                                const std::string& purpose);

  sql::Database& operator*() const { return *database_; }
  // Other processes may use it, too.
  bool shared() const { return name_ != nullptr; }

 private:
  OwnDatabase() = default;
  absl::Status Take(const std::string& database, const std::string& name, bool whole);

  std::unique_ptr<sql::ProcessName> name_;  // null: the file's lock ends with the process
  std::unique_ptr<sql::Database> database_;
};

}  // namespace norroy::daemon

#endif  // NORROY_COMMON_DAEMON_DATABASE_H_
