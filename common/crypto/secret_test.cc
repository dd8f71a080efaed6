#include "common/crypto/secret.h"

#include <gtest/gtest.h>

#include <utility>

namespace norroy::crypto {
namespace {

// Short ones lie inside the string object, long ones on the heap.
class SecretOf : public ::testing::TestWithParam<size_t> {
 protected:
  const std::string bytes_ = std::string(GetParam(), 'k');
};

TEST_P(SecretOf, CopiesAndMoves) {
  Secret first{absl::string_view(bytes_)};
  const Secret copy = first;
  EXPECT_EQ(copy.Expose(), bytes_);
  Secret moved = std::move(first);
  EXPECT_EQ(moved.Expose(), bytes_);
  Secret assigned("other");
  assigned = std::move(moved);
  EXPECT_EQ(assigned.Expose(), bytes_);
  assigned = copy;
  EXPECT_TRUE(assigned.Equals(copy));
  Secret& self = assigned;
  assigned = self;
  EXPECT_TRUE(assigned.Equals(copy));
}

TEST_P(SecretOf, TakesAStringOverAndEmptiesIt) {
  std::string source = bytes_;
  const Secret secret = Secret::Take(source);
  EXPECT_EQ(secret.Expose(), bytes_);
  EXPECT_TRUE(source.empty());
}

INSTANTIATE_TEST_SUITE_P(Sizes, SecretOf, ::testing::Values(0, 1, 15, 16, 4096));

TEST(Secret, ComparesContentAndLength) {
  EXPECT_TRUE(Secret("abc").Equals(Secret("abc")));
  EXPECT_FALSE(Secret("abc").Equals(Secret("abd")));
  EXPECT_FALSE(Secret("abc").Equals(Secret("abcd")));
  EXPECT_TRUE(Secret().Equals(Secret("")));
  EXPECT_TRUE(Secret().empty());
}

}  // namespace
}  // namespace norroy::crypto
