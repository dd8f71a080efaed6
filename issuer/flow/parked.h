#ifndef NORROY_ISSUER_FLOW_PARKED_H_
#define NORROY_ISSUER_FLOW_PARKED_H_

#include <set>
#include <string>

#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace norroy::flow {

// Orders that this process has parked until some moment by the wall clock. Where that was ahead,
// and is set right, what was to wait for seconds would wait for the difference. Not thread-safe.
class Parked {
 public:
  // What waits for long is not remembered, nor are more than ten thousand.
  void Note(const std::string& id, absl::Duration wait) {
    if (wait <= absl::Minutes(15) && ids_.size() < 10'000) ids_.insert(id);
  }
  void Forget(const std::string& id) { ids_.erase(id); }

  // All of them, and forgets them, if the wall clock was set back since the last call; else none.
  std::set<std::string> TakeIfSetBack(Clock& clock) {
    constexpr absl::Duration kSetBack = absl::Seconds(10);
    const absl::Duration offset = clock.Now() - absl::UnixEpoch() - clock.Monotonic();
    std::set<std::string> taken;
    if (offset < offset_ - kSetBack) taken.swap(ids_);
    offset_ = offset;
    return taken;
  }

 private:
  std::set<std::string> ids_;
  // Of the wall clock from the monotonic one, at the last call.
  absl::Duration offset_ = -absl::InfiniteDuration();
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_PARKED_H_
