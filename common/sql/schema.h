#ifndef NORROY_COMMON_SQL_SCHEMA_H_
#define NORROY_COMMON_SQL_SCHEMA_H_

// A service's schema, and whether a database has it. A database belongs to one service: another's
// is not touched.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"

namespace norroy::sql {

struct Schema {
  std::string service;  // "issuer"; its program is "norroy-issuer"
  const std::vector<Migration>& migrations;
};

// As Migrate. A new database is the service's from now on. FAILED_PRECONDITION, reason
// OTHER_SCHEMA: it is another service's.
absl::Status MigrateFor(Database& database, const Schema& schema);

// Changes nothing. On PostgreSQL alone. FAILED_PRECONDITION, besides what MigrateFor gives, reason
// OLDER_SCHEMA: it has to be migrated first; the message says how.
absl::Status CheckSchema(Database& database, const Schema& schema);

// The version that it has; it was migrated before.
absl::StatusOr<int64_t> SchemaVersion(Database& database);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_SCHEMA_H_
