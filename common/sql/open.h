#ifndef NORROY_COMMON_SQL_OPEN_H_
#define NORROY_COMMON_SQL_OPEN_H_

// The database that a configuration names: a PostgreSQL URL, or else a file of SQLite's.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/sql/database.h"

namespace norroy::sql {

// Errors are those of OpenPostgres and OpenSqlite; `broken` as there.
absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& text,
                                               std::function<void(const absl::Status& why)> broken);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_OPEN_H_
