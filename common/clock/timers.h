#ifndef NORROY_COMMON_CLOCK_TIMERS_H_
#define NORROY_COMMON_CLOCK_TIMERS_H_

// Calls that happen later. Long waits are timers, never sleeping threads.

#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"

namespace norroy {

using TimerId = uint64_t;

// Thread-safe. A task must not block for long (it holds up the others) and may use the Timers.
class Timers {
 public:
  virtual ~Timers() = default;
  // Runs `task` once, `delay` from now by the monotonic clock.
  virtual TimerId After(absl::Duration delay, std::function<void()> task) = 0;
  // False: it ran, is running or was cancelled already.
  virtual bool Cancel(TimerId id) = 0;
};

// One thread of its own. The destructor drops what has not run.
class ThreadTimers final : public Timers {
 public:
  ThreadTimers();
  ~ThreadTimers() override;
  TimerId After(absl::Duration delay, std::function<void()> task) override;
  bool Cancel(TimerId id) override;

 private:
  void Work();

  SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::pair<absl::Duration, TimerId>, std::function<void()>> due_ ABSL_GUARDED_BY(mutex_);
  TimerId last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Runs due tasks inside Advance, in the order of their times, on the caller's thread.
class SimulatedTimers final : public Timers {
 public:
  // `clock` must outlive this object.
  explicit SimulatedTimers(SimulatedClock& clock) : clock_(clock) {}
  TimerId After(absl::Duration delay, std::function<void()> task) override;
  bool Cancel(TimerId id) override;
  // Moves the clock forward, stopping at each due task to run it.
  void Advance(absl::Duration by);

 private:
  SimulatedClock& clock_;
  Mutex mutex_;
  std::map<std::pair<absl::Duration, TimerId>, std::function<void()>> due_ ABSL_GUARDED_BY(mutex_);
  TimerId last_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace norroy

#endif  // NORROY_COMMON_CLOCK_TIMERS_H_
