#ifndef NORROY_COMMON_SQL_POSTGRES_CONNECTION_H_
#define NORROY_COMMON_SQL_POSTGRES_CONNECTION_H_

// One connection to a PostgreSQL server, with its prepared statements. Transactions that write are
// SERIALIZABLE: of two processes that are in each other's way, one is told to begin again. A
// connection that is lost is made anew by the next Begin.
//
// A COMMIT whose answer is lost is resolved by asking for the transaction's own id afterwards: it
// was kept or it was not. Only a server that crashed may have given the id to another since, which
// leaves the answer open where it says that the id was kept. Not thread-safe: used by one thread at
// a time.

#include <libpq-fe.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sql/session.h"

namespace norroy::sql {

// A statement that takes longer than this is given up by the server; so is the wait for a lock.
inline constexpr absl::Duration kStatementTimeout = absl::Seconds(30);
inline constexpr absl::Duration kLockTimeout = absl::Seconds(10);
// How long we try to learn what became of a COMMIT whose answer was lost.
inline constexpr absl::Duration kResolveTimeout = absl::Seconds(30);

struct PgConnCloser {
  void operator()(PGconn* handle) const { PQfinish(handle); }
};
struct PgResultClearer {
  void operator()(PGresult* result) const { PQclear(result); }
};

class PostgresConnection final : public Session {
 public:
  // `url` was checked by CheckPostgresUrl. Connects.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(const std::string& url);

  absl::StatusOr<std::vector<Row>> Query(absl::string_view sql,
                                         const std::vector<Value>& parameters) override;
  absl::StatusOr<int64_t> Execute(absl::string_view sql,
                                  const std::vector<Value>& parameters) override;

  absl::Status Begin(bool read_only) override;
  absl::Status Commit() override;
  void Rollback() override;
  absl::Status Save() override;
  absl::Status KeepSaved() override { return Control("RELEASE SAVEPOINT work"); }
  absl::Status UndoSaved() override;
  bool InTransaction() const override;
  bool MayRunAgain() const override { return may_run_again_; }
  bool StatementFailed() const override { return statement_failed_; }
  absl::Status Notify(absl::string_view channel, absl::string_view payload) override;
  // The server tells every connection that listens, of this process too.
  std::vector<Notice> TakeNotices() override { return {}; }
  // A transaction of a reader says so to the server itself.
  void set_read_only(bool /*read_only*/) override {}

  // From now on this connection hears what others tell. It serves for nothing else.
  absl::Status ListenToNotices() { return Control("LISTEN norroy"); }
  // Waits until there are some, `timeout` is over (then it has made sure that the server is there)
  // or the file `stop` can be read. An error: some may have been missed.
  absl::StatusOr<std::vector<Notice>> WaitForNotices(int stop, absl::Duration timeout);

 private:
  using Result = std::unique_ptr<PGresult, PgResultClearer>;

  explicit PostgresConnection(std::string url) : url_(std::move(url)) {}
  absl::Status Connect();
  bool connected() const;
  // A statement without parameters whose rows do not matter.
  absl::Status Control(const char* sql);
  absl::StatusOr<std::string> Prepare(absl::string_view sql);
  absl::StatusOr<Result> Run(absl::string_view sql, const std::vector<Value>& parameters);
  absl::StatusOr<Result> TryRun(absl::string_view sql, const std::vector<Value>& parameters);
  // What the result, or without one the connection, says of a failure.
  absl::Status Failure(const PGresult* result, absl::string_view sql);
  std::vector<Notice> HeardNotices();
  absl::Status Resolve();
  struct Fate {
    std::string status;  // "committed", "aborted", "in progress"
    bool same_server = false;
  };
  // Of a transaction of the server that was started then.
  absl::StatusOr<Fate> FateOf(const std::string& transaction, const std::string& server_start);
  // When the server was started.
  absl::StatusOr<std::string> ServerStart();

  const std::string url_;
  std::unique_ptr<PGconn, PgConnCloser> handle_;
  std::map<std::string, std::string, std::less<>> statements_;  // text to name
  int64_t last_statement_ = 0;
  std::string server_start_;  // of the server that the connection began with
  std::string transaction_;   // its id, while one that writes is open
  bool may_run_again_ = false;
  bool statement_failed_ = false;
};

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_POSTGRES_CONNECTION_H_
