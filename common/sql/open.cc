#include "common/sql/open.h"

#include "common/sql/postgres_database.h"

namespace norroy::sql {

absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& text) {
  return IsPostgresUrl(text) ? OpenPostgres(text) : OpenSqlite(text);
}

}  // namespace norroy::sql
