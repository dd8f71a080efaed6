#include "common/sql/process_name.h"

#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/sql/postgres_connection.h"
#include "common/sql/postgres_database.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"

namespace norroy::sql {
namespace {

constexpr absl::Duration kBetweenTries = absl::Milliseconds(100);
// Longer than the server needs to notice that the machine at the other end is gone (its keepalives,
// see postgres_connection.cc).
constexpr absl::Duration kGhostTime = absl::Seconds(60);

// Names are locks of their own below one that all share and that whoever wants the whole database
// has alone. Another program's lock hits one of these numbers by chance only.
constexpr char kTakeName[] =
    "SELECT pg_try_advisory_lock_shared(hashtextextended('norroy', 0)) AND "
    "pg_try_advisory_lock(hashtextextended('norroy ' || $1, 0)), pg_backend_pid()";
constexpr char kTakeWhole[] =
    "SELECT pg_try_advisory_lock(hashtextextended('norroy', 0)) AND $1::text <> '', "
    "pg_backend_pid()";
// Who else holds lock $1.
constexpr char kHolder[] =
    "SELECT l.pid, COALESCE(host(a.client_addr), 'this machine'), COALESCE(a.application_name, "
    "'norroy somebody') FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid() AND l.objsubid = 1 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND "
    "((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended($1, 0) ORDER BY l.pid";

// A connection that tried to take the name.
struct Try {
  std::unique_ptr<PostgresConnection> connection;  // null: somebody else has it
  int64_t pid = 0;      // of the server's process for whoever has it; 0: gone meanwhile
  absl::Status in_use;  // by whom
};

absl::Status InUse(const std::string& name, bool whole, const Row& holder) {
  const std::string other = absl::StrCat(absl::StripPrefix(holder.Text(2), "norroy "),
                                         " (connected from ", holder.Text(1), ")");
  std::string message =
      absl::StrCat("the database is held by ", other, ": start ", name, " when that is over");
  if (whole) {
    message = absl::StrCat("the database is in use by ", other, ": stop that one first");
  } else if (holder.Text(2) == absl::StrCat("norroy ", name)) {
    message = absl::StrCat(name, " is in use by another process on this database (connected from ",
                           holder.Text(1),
                           "); stop that one first, or give this one an identity of another name");
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "IN_USE", message, {{"name", name}});
}

absl::StatusOr<Try> TryToTake(const ProcessNameOptions& options) {
  NORROY_ASSIGN_OR_RETURN(std::unique_ptr<PostgresConnection> connection,
                          PostgresConnection::Open(options.url));
  NORROY_RETURN_IF_ERROR(connection
                             ->Query("SELECT set_config('application_name', $1, false)",
                                     {absl::StrCat("norroy ", options.name)})
                             .status());
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<Row> taken,
      connection->Query(options.whole ? kTakeWhole : kTakeName, {options.name}));
  if (taken.at(0).Int(0) == 1) {
    return Try{std::move(connection), taken.at(0).Int(1), absl::OkStatus()};
  }
  std::vector<Row> holders;
  if (!options.whole) {
    NORROY_ASSIGN_OR_RETURN(holders,
                            connection->Query(kHolder, {absl::StrCat("norroy ", options.name)}));
  }
  if (holders.empty()) {
    NORROY_ASSIGN_OR_RETURN(holders, connection->Query(kHolder, {std::string("norroy")}));
  }
  if (!holders.empty()) {
    return Try{nullptr, holders.at(0).Int(0), InUse(options.name, options.whole, holders.at(0))};
  }
  return Try{nullptr, 0,
             MakeError(absl::StatusCode::kFailedPrecondition, "IN_USE",
                       absl::StrCat(options.name, " was in use a moment ago; try again"))};
}

class HeldName final : public ProcessName {
 public:
  HeldName(ProcessNameOptions options, Try taken)
      : options_(std::move(options)),
        connection_(std::move(taken.connection)),
        pid_(taken.pid),
        watcher_([this] { Watch(); }) {}

  ~HeldName() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      stopped_.Signal();
    }
    watcher_.join();
  }

 private:
  // False: it is time to end.
  bool Wait() {
    MutexLock lock(&mutex_);
    if (!stopping_) stopped_.WaitFor(&mutex_, options_.look_every);
    return !stopping_;
  }

  void Watch() {
    while (Wait()) {
      if (connection_ != nullptr && connection_->Query("SELECT 1", {}).ok()) continue;
      const std::optional<absl::Status> lost = TakeAgain();
      if (!lost.has_value()) continue;
      options_.lost(*lost);
      return;
    }
  }

  // Set: somebody else has it.
  std::optional<absl::Status> TakeAgain() {
    connection_.reset();
    absl::StatusOr<Try> taken = TryToTake(options_);
    // The server is away; whoever writes says so.
    if (!taken.ok()) return std::nullopt;
    if (taken->connection != nullptr) {
      connection_ = std::move(taken->connection);
      pid_ = taken->pid;
      ghost_ = absl::ZeroDuration();
      log::Info("sql", "the name was taken anew after its connection was lost",
                {{"name", options_.name}});
      return std::nullopt;
    }
    // Our own, which the server has not given up yet?
    ghost_ += options_.look_every;
    if (taken->pid == 0 || (taken->pid == pid_ && ghost_ < kGhostTime)) return std::nullopt;
    return taken->in_use;
  }

  const ProcessNameOptions options_;
  // By the watcher alone.
  std::unique_ptr<PostgresConnection> connection_;
  int64_t pid_;
  absl::Duration ghost_;
  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread watcher_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessName>> ProcessName::Take(ProcessNameOptions options) {
  NORROY_RETURN_IF_ERROR(CheckPostgresUrl(options.url));
  for (absl::Duration waited;; waited += kBetweenTries) {
    NORROY_ASSIGN_OR_RETURN(Try taken, TryToTake(options));
    if (taken.connection != nullptr) {
      return std::make_unique<HeldName>(std::move(options), std::move(taken));
    }
    if (waited >= options.patience) return taken.in_use;
    absl::SleepFor(kBetweenTries);
  }
}

}  // namespace norroy::sql
