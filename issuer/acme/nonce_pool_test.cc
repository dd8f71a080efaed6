#include "issuer/acme/nonce_pool.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <type_traits>

#include "absl/strings/str_cat.h"

namespace norroy::acme {
namespace {

static_assert(!std::is_copy_constructible_v<Nonce> && !std::is_copy_assignable_v<Nonce>);
static_assert(std::is_move_constructible_v<Nonce>);

TEST(NoncePool, HandsOutEachOnceNewestFirst) {
  NoncePool pool;
  pool.Put("a");
  pool.Put("b");
  pool.Put("a");
  EXPECT_EQ(pool.Take()->value(), "b");
  EXPECT_EQ(pool.Take()->value(), "a");
  EXPECT_FALSE(pool.Take().has_value());
  // A CA that repeats itself gets nothing used twice.
  pool.Put("a");
  EXPECT_FALSE(pool.Take().has_value());
  EXPECT_FALSE(pool.Claim("a").has_value());
  EXPECT_EQ(pool.Claim("c")->value(), "c");
  EXPECT_FALSE(pool.Claim("c").has_value());
  pool.Put("c");
  EXPECT_EQ(pool.size(), 0u);
}

struct NonceCase {
  std::string value;
  bool good;
};

TEST(NoncePool, IgnoresWhatIsNoNonce) {
  const std::vector<NonceCase> cases = {
      {"x", true},
      {"oFvnlFP1wIhRlYS2jTaXbA", true},
      {"_-AZaz09", true},
      {std::string(512, 'a'), true},
      {std::string(513, 'a'), false},
      {std::string(4096, 'a'), false},
      {"", false},
      {"a b", false},
      {"a,b", false},
      {"YWJj=", false},
      {"a+b", false},
      {"a/b", false},
      {"a\"b", false},
      {"a\nb", false},
      {std::string("a\0b", 3), false},
      {"\xC3\xA9", false},
  };
  for (const NonceCase& c : cases) {
    NoncePool pool;
    pool.Put(c.value);
    EXPECT_EQ(pool.size(), c.good ? 1u : 0u) << c.value;
    NoncePool other;
    EXPECT_EQ(other.Claim(c.value).has_value(), c.good) << c.value;
  }
}

TEST(NoncePool, IsBounded) {
  NoncePool pool;
  for (int i = 0; i < 10'000; ++i) pool.Put(absl::StrCat(i));
  EXPECT_EQ(pool.size(), NoncePool::kMaxNonces);
  EXPECT_EQ(pool.Take()->value(), "9999");
  pool.Clear();
  EXPECT_FALSE(pool.Take().has_value());
}

TEST(NoncePool, GivesNoneToTwoThreads) {
  NoncePool pool;
  std::vector<std::vector<std::string>> taken(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, &mine = taken[t]] {
      for (int i = 0; i < 2000; ++i) {
        // All threads put the same values.
        pool.Put(absl::StrCat(i));
        std::optional<Nonce> nonce = pool.Take();
        if (nonce.has_value()) mine.push_back(nonce->value());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  size_t count = 0;
  for (const std::vector<std::string>& mine : taken) {
    all.insert(mine.begin(), mine.end());
    count += mine.size();
  }
  EXPECT_EQ(all.size(), count);
}

}  // namespace
}  // namespace norroy::acme
