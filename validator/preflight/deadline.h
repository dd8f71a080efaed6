#ifndef NORROY_VALIDATOR_PREFLIGHT_DEADLINE_H_
#define NORROY_VALIDATOR_PREFLIGHT_DEADLINE_H_

// The moment by which a look must have ended, whatever the other side does. A value; thread-safe.

#include <algorithm>
#include <atomic>

#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace norroy::validator::preflight {

class Deadline {
 public:
  // `clock` and `stop` outlive it. When `*stop` turns true the time is over at once.
  Deadline(Clock& clock, absl::Duration from_now, const std::atomic<bool>* stop = nullptr)
      : clock_(&clock), stop_(stop), at_(clock.Monotonic() + from_now) {}

  // Never negative.
  absl::Duration Left() const {
    if (stop_ != nullptr && *stop_) return absl::ZeroDuration();
    return std::max(at_ - clock_->Monotonic(), absl::ZeroDuration());
  }
  bool passed() const { return Left() == absl::ZeroDuration(); }
  // The same, or `at_most` from now if that is sooner.
  Deadline Within(absl::Duration at_most) const {
    return Deadline(*clock_, std::min(at_most, Left()), stop_);
  }

 private:
  Clock* clock_;
  const std::atomic<bool>* stop_;
  absl::Duration at_;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_DEADLINE_H_
