#ifndef NORROY_COMMON_SQL_COPY_TABLES_H_
#define NORROY_COMMON_SQL_COPY_TABLES_H_

// All that a SQLite database holds, brought into another database of the same schema: whole, in one
// transaction, or not at all.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"

namespace norroy::sql {

struct CopiedTable {
  std::string name;
  int64_t rows = 0;
};

// Looks at both when everything has arrived, before it is kept.
using Compare = std::function<absl::Status(Connection& from, Connection& to)>;

// `from` is SQLite's, nobody writes to it meanwhile; both are migrated to the same version, and
// `to` holds nothing yet. Counts what arrived. FAILED_PRECONDITION, reason NOT_EMPTY or
// OTHER_SCHEMA; DATA_LOSS: not everything arrived. After an error, `compare`'s too, nothing is
// kept.
absl::StatusOr<std::vector<CopiedTable>> CopyTables(Database& from, Database& to,
                                                    const Compare& compare);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_COPY_TABLES_H_
