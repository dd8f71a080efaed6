#ifndef NORROY_AGENT_SESSION_BACKOFF_H_
#define NORROY_AGENT_SESSION_BACKOFF_H_

// How long to wait before the next attempt: full jitter, uniform between nothing and
// min(60 s, 0.5 s * 2^failures), so that a fleet whose validator restarted does not come back all
// at once.

#include "absl/time/time.h"
#include "common/crypto/random.h"

namespace norroy::agent {

inline constexpr absl::Duration kFirstBackoff = absl::Milliseconds(500);
inline constexpr absl::Duration kMaxBackoff = absl::Seconds(60);

absl::Duration Backoff(int failures, crypto::Random& random);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_BACKOFF_H_
