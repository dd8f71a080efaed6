#ifndef NORROY_VALIDATOR_PREFLIGHT_DEADLINE_H_
#define NORROY_VALIDATOR_PREFLIGHT_DEADLINE_H_

// The moment by which a look must have ended, whatever the other side does, and whether a part of
// it had all of the time that it should have: only then does silence say anything about the other
// side. A value; thread-safe.

#include <algorithm>
#include <atomic>

#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace norroy::validator::preflight {

class Deadline {
 public:
  // `clock` and `stop` outlive it. When `*stop` turns true the time is over at once.
  Deadline(Clock& clock, absl::Duration from_now, const std::atomic<bool>* stop = nullptr)
      : clock_(&clock),
        stop_(stop),
        at_(clock.Monotonic() + from_now),
        wanted_(absl::InfiniteDuration()) {}

  // Never negative.
  absl::Duration Left() const {
    if (stopped()) return absl::ZeroDuration();
    return std::max(at_ - clock_->Monotonic(), absl::ZeroDuration());
  }
  bool passed() const { return Left() == absl::ZeroDuration(); }
  // The same, or `at_most` from now if that is sooner.
  Deadline Within(absl::Duration at_most) const {
    Deadline part = *this;
    part.wanted_ = clock_->Monotonic() + at_most;
    part.at_ = std::min(part.wanted_, at_);
    return part;
  }
  // For what had no answer by then: it had less time than Within was asked for, because the look as
  // a whole ends first or was stopped. True of the look's own deadline, which nobody's silence
  // makes.
  bool cut_short() const { return at_ < wanted_ || (stopped() && clock_->Monotonic() < at_); }

 private:
  bool stopped() const { return stop_ != nullptr && *stop_; }

  Clock* clock_;
  const std::atomic<bool>* stop_;
  absl::Duration at_;
  absl::Duration wanted_;  // when it would end if the look were longer
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_DEADLINE_H_
