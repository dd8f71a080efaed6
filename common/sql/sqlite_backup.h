#ifndef NORROY_COMMON_SQL_SQLITE_BACKUP_H_
#define NORROY_COMMON_SQL_SQLITE_BACKUP_H_

// A copy of a SQLite database as it is at one moment, while another process goes on writing to it.

#include <string>

#include "absl/status/status.h"

namespace norroy::sql {

// `out` is there whole, checked and durable (mode 0600), or as it was before: it is written as
// "<out>.new" and renamed. It is one file, with nothing beside it, and a database as `path` is.
// Errors are those of OpenSqlite; DATA_LOSS (STORAGE_CORRUPT): the copy, and so the database, is
// damaged.
absl::Status BackUpSqlite(const std::string& path, const std::string& out);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_SQLITE_BACKUP_H_
