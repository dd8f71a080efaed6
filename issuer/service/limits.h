#ifndef NORROY_ISSUER_SERVICE_LIMITS_H_
#define NORROY_ISSUER_SERVICE_LIMITS_H_

// The caps on what a caller may send to the issuer, and on what one reply carries.

#include <cstddef>

#include "absl/time/time.h"

namespace norroy::service {

inline constexpr size_t kMaxNameInput = 1024;  // before U-labels are converted
inline constexpr size_t kMaxProfile = 64;
inline constexpr size_t kMaxRequestId = 64;
inline constexpr int kMaxLabels = 32;
inline constexpr size_t kMaxLabelKey = 64;
inline constexpr size_t kMaxLabelValue = 256;
inline constexpr int kMaxFinalizers = 32;
inline constexpr size_t kMaxPreferredChain = 256;
inline constexpr size_t kMaxEtag = 64;
inline constexpr absl::Duration kDefaultOrderLifetime = absl::Hours(24 * 7);
inline constexpr absl::Duration kMaxOrderLifetime = absl::Hours(24 * 30);
// Of one principal.
inline constexpr int kMaxWarmNames = 10'000;
inline constexpr absl::Duration kMaxAutoRenew = absl::Hours(24 * 398);

inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;
inline constexpr size_t kMaxPageToken = 256;
// Reads of the store for one page, where a filter leaves most rows out.
inline constexpr int kMaxPageReads = 10;
// A page ends early where the next item would make the reply larger: it must stay below what
// clients take as one message (rpc::kMaxApiReply).
inline constexpr size_t kMaxPageBytes = 3 * 1024 * 1024;

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_LIMITS_H_
