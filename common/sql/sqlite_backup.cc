#include "common/sql/sqlite_backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/error/error.h"
#include "common/sql/sqlite_connection.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

absl::Status Failed(const std::string& path, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE",
                   absl::StrCat(path, ": cannot be ", what, ": ", std::strerror(errno)));
}

// Nobody else's, and empty, as VACUUM wants it.
absl::Status MakeEmpty(const std::string& path) {
  unlink(path.c_str());
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (file < 0) return Failed(path, "made");
  close(file);
  return absl::OkStatus();
}

// A file, or a folder after a rename in it.
absl::Status Sync(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Failed(path, "opened");
  const int synced = fsync(file);
  const absl::Status status = synced == 0 ? absl::OkStatus() : Failed(path, "made durable");
  close(file);
  return status;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// One read transaction of SQLite's, however long it takes: writers go on.
absl::Status Copy(const std::string& from, const std::string& to) {
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteConnection> source,
                          SqliteConnection::Open(from));
  // A name that begins with "file:" would be a URI.
  const std::string name = to.front() == '/' ? to : absl::StrCat("./", to);
  return source->Execute("VACUUM INTO $1", {name}).status();
}

absl::Status CheckWhole(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteConnection> copy,
                          SqliteConnection::Open(path));
  NORROY_ASSIGN_OR_RETURN(const std::string finding, copy->Pragma("PRAGMA integrity_check(1)"));
  if (finding == "ok") return absl::OkStatus();
  return MakeError(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT",
                   absl::StrCat("the copy is damaged, and so is the database, it seems (",
                                Printable(finding), "); keep the backups that there are"));
}

}  // namespace

absl::Status BackUpSqlite(const std::string& path, const std::string& out) {
  if (out.empty() || out.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("the path of the backup is empty or has a NUL in it");
  }
  const std::string fresh = absl::StrCat(out, ".new");
  NORROY_RETURN_IF_ERROR(MakeEmpty(fresh));
  auto remove = absl::MakeCleanup([&] { unlink(fresh.c_str()); });
  NORROY_RETURN_IF_ERROR(Copy(path, fresh));
  NORROY_RETURN_IF_ERROR(CheckWhole(fresh));
  NORROY_RETURN_IF_ERROR(Sync(fresh));
  if (std::rename(fresh.c_str(), out.c_str()) != 0) return Failed(out, "replaced");
  std::move(remove).Cancel();
  return Sync(FolderOf(out));
}

}  // namespace norroy::sql
