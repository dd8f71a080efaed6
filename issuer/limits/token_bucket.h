#ifndef NORROY_ISSUER_LIMITS_TOKEN_BUCKET_H_
#define NORROY_ISSUER_LIMITS_TOKEN_BUCKET_H_

// A token bucket by the generic cell rate algorithm, as CAs keep theirs: all that is known of it is
// the moment at which it will be full again. A bucket that nobody used is full (InfinitePast).

#include "absl/time/time.h"

namespace norroy::limits {

struct BucketRule {
  int burst = 1;                             // tokens of a full bucket, >= 1
  absl::Duration interval = absl::Hours(1);  // in which one comes back, > 0
  int reserve = 0;                           // the last so many are for others, < burst
};

// What is to be believed of a bucket that takes longer to fill than from empty, written by a clock
// that was ahead or under another rule: it is empty, and fills from `now` on.
absl::Time Believable(const BucketRule& rule, absl::Time full_at, absl::Time now);

// Tokens that are there at `now` beside the reserve, 0 to burst - reserve.
int TokensLeft(const BucketRule& rule, absl::Time full_at, absl::Time now);

// When there are `tokens` (>= 1) beside the reserve, if nobody takes any until then; more than the
// bucket holds count as taken one by one as they come. `now` if they are there.
absl::Time WhenLeft(const BucketRule& rule, absl::Time full_at, int tokens, absl::Time now);

// When it is full again after one is taken (or given back) at `now`.
absl::Time AfterTaking(const BucketRule& rule, absl::Time full_at, absl::Time now);
absl::Time AfterGivingBack(const BucketRule& rule, absl::Time full_at);

}  // namespace norroy::limits

#endif  // NORROY_ISSUER_LIMITS_TOKEN_BUCKET_H_
