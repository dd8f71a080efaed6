#ifndef NORROY_COMMON_SQL_TIME_COLUMN_H_
#define NORROY_COMMON_SQL_TIME_COLUMN_H_

// How a moment stands in an INTEGER column: nanoseconds since 1970 in UTC, the ends of the range
// for the infinite past and future (and for what lies beyond the years 1677 and 2262).

#include <cstdint>

#include "absl/time/time.h"

namespace norroy::sql {

inline constexpr int64_t kInfiniteFuture = INT64_MAX;
inline constexpr int64_t kInfinitePast = INT64_MIN;

int64_t TimeColumn(absl::Time time);
absl::Time TimeOf(int64_t column);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_TIME_COLUMN_H_
