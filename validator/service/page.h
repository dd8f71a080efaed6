#ifndef NORROY_VALIDATOR_SERVICE_PAGE_H_
#define NORROY_VALIDATOR_SERVICE_PAGE_H_

// Pages of lists.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::validator {

inline constexpr int kDefaultPage = 100;
inline constexpr int kMaxPage = 1000;
// A page ends before it is longer than clients take.
inline constexpr size_t kMaxPageBytes = 3 * 1024 * 1024;

inline absl::StatusOr<int> PageSize(int32_t asked) {
  if (asked < 0) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PAGE",
                     absl::StrCat("page_size ", asked, ": 0 to ", kMaxPage));
  }
  return asked == 0 ? kDefaultPage : std::min<int>(asked, kMaxPage);
}

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_PAGE_H_
