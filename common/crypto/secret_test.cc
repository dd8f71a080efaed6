#include "common/crypto/secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

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

// What would print a secret, or turn it into something that can be printed, does not compile.
template <typename T, typename = void>
struct Streams : std::false_type {};
template <typename T>
struct Streams<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>>
    : std::true_type {};

template <typename T, typename = void>
struct Compares : std::false_type {};
template <typename T>
struct Compares<T, std::void_t<decltype(std::declval<const T&>() == std::declval<const T&>())>>
    : std::true_type {};

template <typename T>
constexpr bool kLeaks =
    Streams<T>::value || Compares<T>::value || std::is_convertible_v<const T&, absl::AlphaNum> ||
    std::is_convertible_v<const T&, absl::string_view> ||
    std::is_convertible_v<const T&, std::string> ||
    std::is_constructible_v<std::string, const T&> ||
    std::is_constructible_v<absl::string_view, const T&> ||
    std::is_constructible_v<log::Field, absl::string_view, const T&>;

TEST(Secret, CannotBePrintedJoinedLoggedOrComparedByTime) {
  EXPECT_FALSE(kLeaks<Secret>);
  EXPECT_FALSE((std::is_convertible_v<std::string, Secret>));
  // The tests of these see what they look for.
  EXPECT_TRUE(Streams<std::string>::value && Compares<std::string>::value);
  EXPECT_TRUE((std::is_convertible_v<const std::string&, absl::AlphaNum>));
  EXPECT_TRUE((std::is_constructible_v<log::Field, absl::string_view, const std::string&>));
}

TEST(Secret, ComparesContentAndLength) {
  EXPECT_TRUE(Secret("abc").Equals(Secret("abc")));
  EXPECT_FALSE(Secret("abc").Equals(Secret("abd")));
  EXPECT_FALSE(Secret("abc").Equals(Secret("abcd")));
  EXPECT_TRUE(Secret().Equals(Secret("")));
  EXPECT_TRUE(Secret().empty());
}

}  // namespace
}  // namespace norroy::crypto
