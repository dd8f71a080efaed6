#ifndef NORROY_COMMON_CRYPTO_LATEST_RENEWAL_H_
#define NORROY_COMMON_CRYPTO_LATEST_RENEWAL_H_

#include "absl/time/time.h"

namespace norroy::crypto {

// When a certificate of these dates is to be renewed at the latest: when a third of its lifetime is
// left, or half of it where it is under 10 days. No number of days is counted on.
absl::Time LatestRenewal(absl::Time not_before, absl::Time not_after);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_LATEST_RENEWAL_H_
