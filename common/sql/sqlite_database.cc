#include "common/sql/sqlite_database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/sql/queued_database.h"
#include "common/sql/sqlite_connection.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

constexpr absl::string_view kMemory = ":memory:";
constexpr size_t kReaders = 4;
// An existing file is not opened here: closing a descriptor would drop the locks that another
// connection of this process holds on it (POSIX).
absl::Status MakeFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file >= 0) {
    close(file);
    return absl::OkStatus();
  }
  if (errno == EEXIST) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE",
                   absl::StrCat("cannot make the database ", path, ": ", std::strerror(errno),
                                "; its directory must exist and be writable for this user"));
}

absl::Status CheckSound(SqliteConnection& connection, const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const std::string finding, connection.Pragma("PRAGMA quick_check(1)"));
  if (finding == "ok") return absl::OkStatus();
  return MakeError(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT",
                   absl::StrCat("the database ", path, " is damaged (", Printable(finding),
                                "); put the file aside together with its -wal and -shm files, and "
                                "restore a backup"));
}

absl::Status Configure(SqliteConnection& connection, const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const std::string mode, connection.Pragma("PRAGMA journal_mode = WAL"));
  if (mode != "wal" && path != kMemory) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE",
                     absl::StrCat("the database ", path, " cannot use a write-ahead log (mode ",
                                  Printable(mode), "); put it on a local file system"));
  }
  for (absl::string_view pragma :
       {"PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", "PRAGMA temp_store = MEMORY",
        "PRAGMA journal_size_limit = 67108864"}) {
    NORROY_RETURN_IF_ERROR(connection.Control(pragma));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Database>> OpenConnections(
    const std::string& path, bool in_memory, std::function<void(const absl::Status& why)> broken) {
  NORROY_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> writer, SqliteConnection::Open(path));
  writer->set_broken(std::move(broken));
  if (!in_memory) NORROY_RETURN_IF_ERROR(CheckSound(*writer, path));
  NORROY_RETURN_IF_ERROR(Configure(*writer, path));
  QueuedDatabaseOptions options;
  while (!in_memory && options.readers.size() < kReaders) {
    NORROY_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader, SqliteConnection::Open(path));
    NORROY_RETURN_IF_ERROR(Configure(*reader, path));
    reader->set_read_only(true);
    options.readers.push_back(std::move(reader));
  }
  options.writer = std::move(writer);
  return MakeQueuedDatabase(std::move(options));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path) {
  return OpenSqlite(path, nullptr);
}

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(
    const std::string& path, std::function<void(const absl::Status& why)> broken) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("the path of the database is empty or has a NUL in it");
  }
  if (path == kMemory) return OpenConnections(path, /*in_memory=*/true, nullptr);
  NORROY_RETURN_IF_ERROR(MakeFile(path));
  return OpenConnections(path, /*in_memory=*/false, std::move(broken));
}

}  // namespace norroy::sql
