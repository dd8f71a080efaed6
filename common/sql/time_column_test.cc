#include "common/sql/time_column.h"

#include "gtest/gtest.h"

namespace norroy::sql {
namespace {

TEST(TimeColumnTest, RoundTrips) {
  const absl::Time cases[] = {
      absl::UnixEpoch(),
      absl::InfiniteFuture(),
      absl::InfinitePast(),
      absl::FromUnixNanos(1),
      absl::FromUnixNanos(-1),
      absl::FromUnixSeconds(4102444800),  // year 2100
      absl::FromUnixSeconds(2147483648),  // beyond 32 bits
  };
  for (const absl::Time time : cases) EXPECT_EQ(TimeOf(TimeColumn(time)), time) << time;
}

TEST(TimeColumnTest, SaturatesAndKeepsTheOrder) {
  EXPECT_EQ(TimeColumn(absl::FromUnixSeconds(253402300799)), kInfiniteFuture);  // year 9999
  EXPECT_EQ(TimeColumn(absl::FromUnixSeconds(-62135596800)), kInfinitePast);    // year 1
}

}  // namespace
}  // namespace norroy::sql
