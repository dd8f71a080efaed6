#include "common/clock/clock.h"

#include <time.h>

#include "absl/time/clock.h"
#include "common/check.h"

namespace norroy {

absl::Time SystemClock::Now() { return absl::Now(); }

absl::Duration SystemClock::Monotonic() {
  // CLOCK_MONOTONIC stands still while a machine is suspended: whoever wakes up would believe in
  // leases that have ended long since.
  timespec now = {};
  NORROY_CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  return absl::DurationFromTimespec(now);
}

absl::Time SimulatedClock::Now() {
  MutexLock lock(&mutex_);
  return now_;
}

absl::Duration SimulatedClock::Monotonic() {
  MutexLock lock(&mutex_);
  return monotonic_;
}

void SimulatedClock::Advance(absl::Duration by) {
  NORROY_CHECK(by >= absl::ZeroDuration());
  MutexLock lock(&mutex_);
  now_ += by;
  monotonic_ += by;
}

void SimulatedClock::JumpWall(absl::Duration by) {
  MutexLock lock(&mutex_);
  now_ += by;
}

}  // namespace norroy
