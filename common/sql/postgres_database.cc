#include "common/sql/postgres_database.h"

#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "common/sql/postgres_connection.h"
#include "common/sql/postgres_listener.h"
#include "common/sql/queued_database.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

constexpr size_t kReaders = 4;

}  // namespace

bool IsPostgresUrl(absl::string_view database) {
  return absl::StartsWith(database, "postgresql://") || absl::StartsWith(database, "postgres://");
}

absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(const std::string& url) {
  NORROY_RETURN_IF_ERROR(CheckPostgresUrl(url));
  QueuedDatabaseOptions options;
  NORROY_ASSIGN_OR_RETURN(options.writer, PostgresConnection::Open(url));
  while (options.readers.size() < kReaders) {
    NORROY_ASSIGN_OR_RETURN(std::unique_ptr<Session> reader, PostgresConnection::Open(url));
    options.readers.push_back(std::move(reader));
  }
  options.listen = [url](Notices& notices) {
    return std::make_unique<PostgresListener>(url, notices);
  };
  return MakeQueuedDatabase(std::move(options));
}

}  // namespace norroy::sql
