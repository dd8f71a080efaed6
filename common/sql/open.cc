#include "common/sql/open.h"

#include <utility>

#include "common/sql/postgres_database.h"
#include "common/sql/sqlite_database.h"

namespace norroy::sql {

absl::StatusOr<std::unique_ptr<Database>> Open(
    const std::string& text, std::function<void(const absl::Status& why)> broken) {
  return IsPostgresUrl(text) ? OpenPostgres(text) : OpenSqlite(text, std::move(broken));
}

}  // namespace norroy::sql
