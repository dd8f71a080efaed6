#include "common/sql/time_column.h"

namespace norroy::sql {

// Both ways saturate: absl's conversion clamps what an int64_t cannot hold.
int64_t TimeColumn(absl::Time time) {
  if (time == absl::InfiniteFuture()) return kInfiniteFuture;
  if (time == absl::InfinitePast()) return kInfinitePast;
  return absl::ToUnixNanos(time);
}

absl::Time TimeOf(int64_t column) {
  if (column == kInfiniteFuture) return absl::InfiniteFuture();
  if (column == kInfinitePast) return absl::InfinitePast();
  return absl::FromUnixNanos(column);
}

}  // namespace norroy::sql
