#ifndef NORROY_COMMON_SQL_SQLITE_CONNECTION_H_
#define NORROY_COMMON_SQL_SQLITE_CONNECTION_H_

// One SQLite handle with its prepared statements. Not thread-safe: used by one thread at a time.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sql/session.h"

struct sqlite3;
struct sqlite3_stmt;

namespace norroy::sql {

inline constexpr size_t kMaxCachedStatements = 256;
// Longer than any transaction of another process of ours may take.
inline constexpr int kBusyTimeoutMs = 8'000;

struct SqliteCloser {
  void operator()(sqlite3* handle) const;
};
struct SqliteFinalizer {
  void operator()(sqlite3_stmt* statement) const;
};

class SqliteConnection final : public Session {
 public:
  // The file must exist; ":memory:" is a database of this connection alone.
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path);

  absl::StatusOr<std::vector<Row>> Query(absl::string_view sql,
                                         const std::vector<Value>& parameters) override;
  absl::StatusOr<int64_t> Execute(absl::string_view sql,
                                  const std::vector<Value>& parameters) override;

  absl::Status Begin(bool read_only) override;
  absl::Status Commit() override;
  void Rollback() override;
  absl::Status Save() override;
  absl::Status KeepSaved() override;
  absl::Status UndoSaved() override;
  // After SQLite itself rolled the transaction back: disk full, I/O error.
  bool InTransaction() const override;
  // What else than the busy timeout can help is waited for by that.
  bool MayRunAgain() const override { return false; }
  bool StatementFailed() const override { return statement_failed_; }
  absl::Status Notify(absl::string_view channel, absl::string_view payload) override;
  std::vector<Notice> TakeNotices() override { return std::exchange(notices_, {}); }
  void set_read_only(bool read_only) override { read_only_ = read_only; }
  // Called when an fsync fails, once.
  void set_broken(std::function<void(const absl::Status& why)> broken) {
    broken_ = std::move(broken);
  }

  // BEGIN, SAVEPOINT, PRAGMA and the like, whose rows do not matter.
  absl::Status Control(absl::string_view sql);
  // The first column of a pragma's first row, which must be text.
  absl::StatusOr<std::string> Pragma(absl::string_view pragma);

 private:
  explicit SqliteConnection(std::string path) : path_(std::move(path)) {}
  absl::StatusOr<sqlite3_stmt*> Prepare(absl::string_view sql);
  absl::Status Bind(sqlite3_stmt* statement, const std::vector<Value>& parameters);
  absl::StatusOr<std::vector<Row>> Step(sqlite3_stmt* statement);
  absl::StatusOr<std::vector<Row>> Run(absl::string_view sql, const std::vector<Value>& parameters);
  absl::StatusOr<std::vector<Row>> TryRun(absl::string_view sql,
                                          const std::vector<Value>& parameters);
  absl::Status Failure(int code, absl::string_view sql);

  const std::string path_;
  bool read_only_ = false;
  // An fsync failed: what is on the disk is unknown.
  bool sync_failed_ = false;
  std::function<void(const absl::Status& why)> broken_;
  bool statement_failed_ = false;
  std::vector<Notice> notices_;  // of the open transaction
  size_t notices_saved_ = 0;     // those before Save
  // In this order: statements are finalized before the handle is closed.
  std::unique_ptr<sqlite3, SqliteCloser> handle_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, SqliteFinalizer>, std::less<>> statements_;
};

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_SQLITE_CONNECTION_H_
