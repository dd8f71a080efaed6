#include "common/clock/clock.h"

#include <chrono>

#include "absl/time/clock.h"
#include "common/check.h"

namespace norroy {

absl::Time SystemClock::Now() { return absl::Now(); }

absl::Duration SystemClock::Monotonic() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
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
