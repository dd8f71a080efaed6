#ifndef NORROY_COMMON_CLOCK_ROUNDS_H_
#define NORROY_COMMON_CLOCK_ROUNDS_H_

// A thread of its own that does a piece of work in rounds: after each it waits as long as the round
// said, or until it is woken.
//
//   Rounds rounds_{clock, [this] { return RunDue(); }};   // the last member: it uses the others
//   rounds_.Start(absl::Seconds(5));
//
// Thread-safe. A round that takes long asks stopping() in between.

#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"

namespace norroy {

class Rounds {
 public:
  // `round` returns how long to wait for the next one. `clock` outlives this object.
  Rounds(Clock& clock, std::function<absl::Duration()> round)
      : clock_(clock), round_(std::move(round)) {}
  // Stops.
  ~Rounds() { Stop(); }
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  // Once. The first round begins after `first`.
  void Start(absl::Duration first);
  // The next round begins at once; after the one that runs, if one does.
  void Wake();
  // Waits for the round that runs; none begins after it.
  void Stop();
  bool stopping();

 private:
  void Work(absl::Duration wait);

  Clock& clock_;
  const std::function<absl::Duration()> round_;
  Mutex mutex_;
  CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace norroy

#endif  // NORROY_COMMON_CLOCK_ROUNDS_H_
