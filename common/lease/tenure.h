#ifndef NORROY_COMMON_LEASE_TENURE_H_
#define NORROY_COMMON_LEASE_TENURE_H_

// How several processes on one database know which of them are alive, and how each of them knows
// that it still counts as alive.
//
// Each has a row under its name in `processes`, and changes it every kBeat. Its tenure lasts until
// kLasts after it began the last change that was stored, by its own monotonic clock. The others
// watch: whose row has not changed for kGone, by *their* monotonic clocks, has no tenure any more,
// and what it held is given away, in the transaction that ends its row. No two hosts' wall clocks
// are compared, so they may disagree. kGone is longer than kLasts by what a thread may need to
// notice that its tenure is over. A watcher that could not look itself counts anew from its next
// look: when the database was away, everybody was silent.
//
// What a process does for the outside world, it does within its tenure: it looks before a request,
// and cuts one off that is under way when the tenure ends (http::CurlOptions::may_go_on). So a
// request may take as long as it does while the database can be reached, and the orders of a
// process that is gone change hands after kGone all the same: leases of orders can be long, which
// spares a write for each step.
//
// A tenure that ended may begin again, as another one, with the next change that is stored, but no
// sooner than kPause after it: a thread that was stopped with the whole process between its look
// and its request must not find that all is well again.
//
// No two processes of one name run at once (sql::ProcessName): who begins under a name is the
// successor of who had it, and has it at once.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sql/database.h"
#include "common/sync/mutex.h"

namespace norroy::lease {

// For the migrations of those who have a tenure.
inline constexpr absl::string_view kTable = R"sql(
CREATE TABLE processes (
  name TEXT PRIMARY KEY,
  incarnation TEXT NOT NULL,
  beat INTEGER NOT NULL
) STRICT
)sql";

struct TenureOptions {
  sql::Database& database;
  Clock& clock;
  std::string name;         // "issuer/main"
  std::string incarnation;  // of this process alone
  // Gives away what the process of this name held. May run more than once.
  std::function<absl::Status(sql::Connection&, const std::string& name)> give_away;
};

// Thread-safe.
class Tenure {
 public:
  static constexpr absl::Duration kBeat = absl::Seconds(2);
  static constexpr absl::Duration kLasts = absl::Seconds(12);
  static constexpr absl::Duration kGone = absl::Seconds(18);
  static constexpr absl::Duration kPause = absl::Seconds(1);

  // Takes the name, and gives away what its former process held.
  static absl::StatusOr<std::unique_ptr<Tenure>> Begin(TenureOptions options);
  // Ends.
  ~Tenure() { End(); }
  Tenure(const Tenure&) = delete;
  Tenure& operator=(const Tenure&) = delete;

  // Beats on a thread of its own. Not with a simulated clock: there, call Beat.
  void Start();
  // Changes the row, and looks at the others'. An error is for the log: the next beat may do
  // better.
  absl::Status Beat();
  // Gives the name back, so that nobody waits for this process. Once its work is given back.
  void End();

  // Now.
  bool Lasts();
  // Which tenure it is: what was taken under another number may have been given away since.
  int64_t number();
  // How many other processes are believed to be alive.
  int others();

 private:
  struct Other {
    std::string incarnation;
    int64_t beat = 0;
    absl::Duration since;  // seen like this, by the monotonic clock
  };
  enum class Stored { kBeaten, kBegunAnew, kSucceeded };

  explicit Tenure(TenureOptions options) : o_(std::move(options)) {}
  absl::StatusOr<Stored> Store();
  absl::Status LookAtOthers();
  absl::StatusOr<bool> GiveAway(const std::string& name, const Other& other);
  void Work();

  const TenureOptions o_;
  Mutex mutex_;
  CondVar changed_;
  absl::Duration until_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  absl::Duration not_before_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  int64_t number_ ABSL_GUARDED_BY(mutex_) = 1;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Other> others_ ABSL_GUARDED_BY(mutex_);
  absl::Duration looked_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  std::thread thread_;
};

}  // namespace norroy::lease

#endif  // NORROY_COMMON_LEASE_TENURE_H_
