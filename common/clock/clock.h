#ifndef NORROY_COMMON_CLOCK_CLOCK_H_
#define NORROY_COMMON_CLOCK_CLOCK_H_

// Time as a port: nothing but a main function reads the machine's clock itself.

#include "absl/time/time.h"
#include "common/sync/mutex.h"

namespace norroy {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // The wall clock: for what is stored, shown or compared with other machines.
  virtual absl::Time Now() = 0;
  // Since some fixed moment, never backwards, also while the machine sleeps: for how long things
  // took and leases last.
  virtual absl::Duration Monotonic() = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() override;
  absl::Duration Monotonic() override;
};

// Stands still until told. For tests and simulation.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(absl::Time start) : now_(start) {}
  absl::Time Now() override;
  absl::Duration Monotonic() override;
  // Both clocks; not negative.
  void Advance(absl::Duration by);
  // The wall clock alone, as an administrator sets it.
  void JumpWall(absl::Duration by);

 private:
  Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace norroy

#endif  // NORROY_COMMON_CLOCK_CLOCK_H_
