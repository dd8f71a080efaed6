#ifndef NORROY_COMMON_AUDIT_KEEPER_H_
#define NORROY_COMMON_AUDIT_KEEPER_H_

// All that a daemon does for its audit log besides appending to it: the log itself for those who
// ask, a signed checkpoint every few minutes if there is something new and one at a clean stop, and
// refused calls. Thread-safe.

#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "common/audit/log.h"
#include "common/audit/refusals.h"
#include "common/audit/repeater.h"
#include "common/clock/timers.h"
#include "common/sync/thread_pool.h"

namespace norroy::audit {

inline constexpr absl::Duration kDefaultCheckpointEvery = absl::Minutes(5);

class Keeper {
 public:
  // What the options refer to, and `timers`, outlive this.
  Keeper(LogOptions options, Timers& timers, absl::Duration checkpoint_every);
  ~Keeper() { Stop(); }

  Log& log() { return log_; }
  Refusals& refusals() { return refusals_; }

  // Writes what was counted and signs a last time. Once, when no calls come any more.
  void Stop();

 private:
  void Sign();

  Log log_;
  Refusals refusals_;
  // One thread: it ends before what its tasks use.
  ThreadPool pool_;
  std::optional<Repeater> checkpoints_;
  std::optional<Repeater> counts_;
};

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_KEEPER_H_
