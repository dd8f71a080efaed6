#include "issuer/service/page.h"

#include <gtest/gtest.h>

#include <string>

#include "common/error/error.h"
#include "issuer/service/limits.h"

namespace norroy::service {
namespace {

const absl::Time kTime = absl::FromUnixMicros(1'772'366'400'123'456);

TEST(Page, TokenRoundTrips) {
  const std::string token = PageToken({kTime, "0123abcd"}, "orders operator/alice");
  const absl::StatusOr<Page> page = ParsePage(7, token, "orders operator/alice");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->limit, 7);
  EXPECT_EQ(page->after.create_time, kTime);
  EXPECT_EQ(page->after.id, "0123abcd");
}

TEST(Page, Sizes) {
  const struct {
    int32_t asked;
    int limit;  // -1: refused
  } cases[] = {{0, kDefaultPageSize},
               {1, 1},
               {kMaxPageSize - 1, kMaxPageSize - 1},
               {kMaxPageSize, kMaxPageSize},
               {kMaxPageSize + 1, kMaxPageSize},
               {2147483647, kMaxPageSize},
               {-1, -1},
               {-2147483648, -1}};
  for (const auto& row : cases) {
    SCOPED_TRACE(row.asked);
    const absl::StatusOr<Page> page = ParsePage(row.asked, "", "q");
    EXPECT_EQ(page.ok() ? page->limit : -1, row.limit);
  }
}

TEST(Page, ForgedTokensAreRefused) {
  const std::string good = PageToken({kTime, "0123abcd"}, "q");
  std::vector<std::string> forged = {"x",
                                     "====",
                                     good + "A",
                                     good.substr(1),
                                     std::string(300, 'A'),
                                     std::string(40, '\n'),
                                     good.substr(0, good.size() - 1)};
  for (size_t i = 0; i < good.size(); ++i) {
    std::string altered = good;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    forged.push_back(altered);
  }
  for (const std::string& token : forged) {
    const absl::StatusOr<Page> page = ParsePage(0, token, "q");
    ASSERT_FALSE(page.ok()) << token;
    EXPECT_EQ(page.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(page.status()), "BAD_PAGE_TOKEN");
  }
  EXPECT_FALSE(ParsePage(0, good, "another query").ok());
}

}  // namespace
}  // namespace norroy::service
