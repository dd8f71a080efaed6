#ifndef NORROY_COMMON_SQL_SQLITE_DATABASE_H_
#define NORROY_COMMON_SQL_SQLITE_DATABASE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"

namespace norroy::sql {

// OpenSqlite, where somebody is told of the first fsync that fails (INTERNAL, STORAGE_IO), on the
// thread that wrote: what the disk holds is known only to a process that opens the file anew.
absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(
    const std::string& path, std::function<void(const absl::Status& why)> broken);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_SQLITE_DATABASE_H_
