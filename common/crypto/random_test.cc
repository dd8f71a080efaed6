#include "common/crypto/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace norroy::crypto {
namespace {

TEST(SeededRandom, RepeatsItself) {
  SeededRandom a(7), b(7), c(8);
  const std::string bytes = a.Bytes(100);
  EXPECT_EQ(bytes.size(), 100u);
  EXPECT_EQ(bytes, b.Bytes(100));
  EXPECT_NE(bytes, c.Bytes(100));
  EXPECT_NE(bytes, a.Bytes(100));
}

TEST(Random, GivesIdsAndFractionsOfTheirForm) {
  SeededRandom random(1);
  std::set<std::string> ids;
  double least = 1, most = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random.Id();
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    ids.insert(id);
    const double fraction = random.Fraction();
    least = std::min(least, fraction);
    most = std::max(most, fraction);
  }
  EXPECT_EQ(ids.size(), 1000u);
  EXPECT_GE(least, 0);
  EXPECT_LT(least, 0.01);
  EXPECT_GT(most, 0.99);
  EXPECT_LT(most, 1);
}

TEST(SeededRandom, GivesEveryThreadItsOwn) {
  SeededRandom random(3);
  std::vector<std::set<std::string>> drawn(4);
  std::vector<std::thread> threads;
  for (std::set<std::string>& mine : drawn) {
    threads.emplace_back([&random, &mine] {
      for (int i = 0; i < 1000; ++i) mine.insert(random.Bytes(8));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const std::set<std::string>& mine : drawn) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 4000u);
}

TEST(SystemRandom, DoesNotRepeat) {
  SystemRandom random;
  EXPECT_NE(random.Bytes(16), random.Bytes(16));
  EXPECT_EQ(random.Bytes(0), "");
}

}  // namespace
}  // namespace norroy::crypto
