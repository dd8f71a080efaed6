#include "agent/session/backoff.h"

#include <algorithm>

namespace norroy::agent {

absl::Duration Backoff(int failures, crypto::Random& random) {
  // 2^7 is past the cap.
  const int doublings = std::clamp(failures, 0, 7);
  const absl::Duration limit = std::min(kMaxBackoff, kFirstBackoff * (1 << doublings));
  return limit * random.Fraction();
}

}  // namespace norroy::agent
