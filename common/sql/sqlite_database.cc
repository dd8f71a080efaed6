#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/sql/sqlite_connection.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"

namespace norroy::sql {
namespace {

constexpr absl::string_view kMemory = ":memory:";
constexpr size_t kReaders = 4;
// Bounds how long the first of a batch waits for the last.
constexpr size_t kMaxBatch = 256;

// Somebody who waits in Write (or, with ":memory:", in Read). Lives on the waiter's stack; all but
// `work` and `read_only` belong to the writer until `done`.
struct Request {
  const Work& work;
  const bool read_only;
  bool done = false;
  absl::Status result = absl::OkStatus();
  CondVar finished;
};

class SqliteDatabase final : public Database {
 public:
  // No readers: reads go through the writer (a database in memory is seen by one connection only).
  SqliteDatabase(std::unique_ptr<SqliteConnection> writer,
                 std::vector<std::unique_ptr<SqliteConnection>> readers)
      : writer_(std::move(writer)),
        reads_with_writer_(readers.empty()),
        idle_(std::move(readers)),
        thread_([this] { WriteUntilStopped(); }) {}

  ~SqliteDatabase() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      queued_.Signal();
    }
    thread_.join();
  }

  absl::Status Write(const Work& work) override { return Submit(work, /*read_only=*/false); }

  absl::Status Read(const Work& work) override {
    if (reads_with_writer_) return Submit(work, /*read_only=*/true);
    std::unique_ptr<SqliteConnection> connection = TakeReader();
    const absl::Status status = ReadOn(*connection, work);
    MutexLock lock(&mutex_);
    idle_.push_back(std::move(connection));
    returned_.Signal();
    return status;
  }

 private:
  absl::Status Submit(const Work& work, bool read_only) {
    NORROY_CHECK(std::this_thread::get_id() != thread_.get_id());  // Write within a Work
    Request request{work, read_only};
    MutexLock lock(&mutex_);
    queue_.push_back(&request);
    if (queue_.size() == 1) queued_.Signal();
    while (!request.done) request.finished.Wait(&mutex_);
    return std::move(request.result);
  }

  std::unique_ptr<SqliteConnection> TakeReader() {
    MutexLock lock(&mutex_);
    while (idle_.empty()) returned_.Wait(&mutex_);
    std::unique_ptr<SqliteConnection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  static absl::Status ReadOn(SqliteConnection& connection, const Work& work) {
    NORROY_RETURN_IF_ERROR(connection.Control("BEGIN DEFERRED"));
    const absl::Status status = work(connection);
    const absl::Status end = connection.Control("ROLLBACK");
    return status.ok() ? end : status;
  }

  void WriteUntilStopped() {
    for (;;) {
      std::vector<Request*> batch = NextBatch();
      if (batch.empty()) return;
      if (!RunTogether(batch)) {
        // SQLite dropped the whole transaction for the sake of one. Each alone, so that only the
        // one whose fault it is fails.
        for (Request* request : batch) RunTogether({request});
      }
      MutexLock lock(&mutex_);
      for (Request* request : batch) {
        request->done = true;
        request->finished.Signal();
      }
    }
  }

  // Empty: stopped.
  std::vector<Request*> NextBatch() {
    MutexLock lock(&mutex_);
    while (queue_.empty() && !stopping_) queued_.Wait(&mutex_);
    const auto end =
        queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxBatch));
    std::vector<Request*> batch(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    return batch;
  }

  // One transaction. False: it was lost before its end and must be run again, one by one.
  bool RunTogether(const std::vector<Request*>& batch) {
    const absl::Status begin = Begin();
    if (!begin.ok()) {
      for (Request* request : batch) request->result = begin;
      return true;
    }
    for (Request* request : batch) {
      request->result = RunOne(*request);
      if (writer_->InTransaction()) continue;
      if (batch.size() > 1) return false;
      if (request->result.ok()) request->result = Lost();
      return true;
    }
    const absl::Status commit = writer_->Control("COMMIT");
    if (commit.ok()) return true;
    if (writer_->InTransaction()) writer_->Control("ROLLBACK").IgnoreError();
    for (Request* request : batch) {
      if (request->result.ok()) request->result = commit;
    }
    return true;
  }

  absl::Status Begin() {
    if (writer_->sync_failed()) {
      return MakeError(absl::StatusCode::kInternal, "STORAGE_IO",
                       "an earlier write did not reach the disk; restart the process");
    }
    return writer_->Control("BEGIN IMMEDIATE");
  }

  absl::Status RunOne(const Request& request) {
    NORROY_RETURN_IF_ERROR(writer_->Control("SAVEPOINT work"));
    writer_->set_read_only(request.read_only);
    absl::Status status = request.work(*writer_);
    writer_->set_read_only(false);
    if (!writer_->InTransaction()) return status;
    if (status.ok()) status = writer_->Control("RELEASE work");
    if (status.ok() || !writer_->InTransaction()) return status;
    // If this fails the transaction as a whole must not be committed.
    absl::Status undo = writer_->Control("ROLLBACK TO work");
    if (undo.ok()) undo = writer_->Control("RELEASE work");
    if (!undo.ok() && writer_->InTransaction()) writer_->Control("ROLLBACK").IgnoreError();
    return status;
  }

  static absl::Status Lost() {
    return absl::InternalError("the database rolled the transaction back");
  }

  const std::unique_ptr<SqliteConnection> writer_;  // only by thread_
  const bool reads_with_writer_;
  Mutex mutex_;
  CondVar queued_;
  CondVar returned_;
  std::deque<Request*> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<SqliteConnection>> idle_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

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

absl::StatusOr<std::unique_ptr<Database>> OpenConnections(const std::string& path, bool in_memory) {
  NORROY_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> writer, SqliteConnection::Open(path));
  if (!in_memory) NORROY_RETURN_IF_ERROR(CheckSound(*writer, path));
  NORROY_RETURN_IF_ERROR(Configure(*writer, path));
  std::vector<std::unique_ptr<SqliteConnection>> readers;
  while (!in_memory && readers.size() < kReaders) {
    NORROY_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader, SqliteConnection::Open(path));
    NORROY_RETURN_IF_ERROR(Configure(*reader, path));
    reader->set_read_only(true);
    readers.push_back(std::move(reader));
  }
  return std::unique_ptr<Database>(
      std::make_unique<SqliteDatabase>(std::move(writer), std::move(readers)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("the path of the database is empty or has a NUL in it");
  }
  if (path == kMemory) return OpenConnections(path, /*in_memory=*/true);
  NORROY_RETURN_IF_ERROR(MakeFile(path));
  return OpenConnections(path, /*in_memory=*/false);
}

}  // namespace norroy::sql
