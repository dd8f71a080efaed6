#include "agent/presenter/delegated_zone/response_limiter.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

using Verdict = ResponseLimiter::Verdict;

// One letter a verdict.
std::string Takes(ResponseLimiter& limiter, const std::string& network, absl::Duration now,
                  int count) {
  std::string letters;
  for (int i = 0; i < count; ++i) {
    const Verdict verdict = limiter.Take(network, now);
    letters += verdict == Verdict::kSend ? 's' : verdict == Verdict::kTruncate ? 't' : 'd';
  }
  return letters;
}

TEST(ResponseLimiter, GivesASecondsWorthThenSlips) {
  ResponseLimiter limiter(5);
  const absl::Duration start = absl::Hours(1);
  EXPECT_EQ(Takes(limiter, "a", start, 10), "ssssstdtdt");
  // Another network has its own.
  EXPECT_EQ(Takes(limiter, "b", start, 6), "ssssst");
  // A fifth of a second is one answer more; the slipping goes on where it was.
  EXPECT_EQ(Takes(limiter, "a", start + absl::Milliseconds(200), 3), "sdt");
  EXPECT_EQ(Takes(limiter, "a", start + absl::Milliseconds(399), 1), "d");
  // However long it was silent: a second's worth.
  EXPECT_EQ(Takes(limiter, "a", start + absl::Hours(10), 7), "ssssstd");
}

TEST(ResponseLimiter, GivesExactlyItsRateOverTime) {
  ResponseLimiter limiter(20);
  int sent = 0;
  // 1000 queries a second for 10 seconds.
  for (int ms = 0; ms < 10'000; ++ms) {
    if (limiter.Take("n", absl::Milliseconds(ms)) == Verdict::kSend) ++sent;
  }
  EXPECT_GE(sent, 20 * 10);
  EXPECT_LE(sent, 20 * 11);
}

TEST(ResponseLimiter, RemembersNoMoreThanItMay) {
  ResponseLimiter limiter(1, 3);
  const absl::Duration now = absl::Seconds(1);
  EXPECT_EQ(Takes(limiter, "a", now, 2), "st");
  EXPECT_EQ(Takes(limiter, "b", now, 2), "st");
  EXPECT_EQ(Takes(limiter, "c", now, 2), "st");
  EXPECT_EQ(Takes(limiter, "a", now, 1), "d");  // the last heard of now
  EXPECT_EQ(limiter.networks(), 3u);
  EXPECT_EQ(Takes(limiter, "d", now, 1), "s");  // b goes
  EXPECT_EQ(limiter.networks(), 3u);
  EXPECT_EQ(Takes(limiter, "a", now, 1), "t");
  EXPECT_EQ(Takes(limiter, "c", now, 1), "d");
  EXPECT_EQ(Takes(limiter, "b", now, 1), "s");
  EXPECT_EQ(limiter.networks(), 3u);

  ResponseLimiter big(1);
  for (size_t i = 0; i < kMaxLimitedNetworks + 5; ++i) big.Take(absl::StrCat(i), now);
  EXPECT_EQ(big.networks(), kMaxLimitedNetworks);
}

std::string NetworkOf(const std::string& text) {
  sockaddr_storage address = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
    address.ss_family = AF_INET6;
  }
  v4.sin_port = htons(4711);  // the same place in both
  return ClientNetwork(address);
}

TEST(ResponseLimiter, KnowsNetworks) {
  struct Case {
    std::string a;
    std::string b;
    bool same;
  };
  const Case kCases[] = {
      {"192.0.2.1", "192.0.2.254", true},
      {"192.0.2.1", "192.0.3.1", false},
      {"2001:db8:0:1::1", "2001:db8:0:ff:ffff::", true},
      {"2001:db8:0:1::1", "2001:db8:0:100::1", false},
      {"::ffff:192.0.2.1", "192.0.2.77", true},
      {"::ffff:192.0.2.1", "::ffff:198.51.100.1", false},
      {"0.0.0.0", "::", false},
      {"52.1.2.3", "3401:203::", false},
  };
  for (const Case& c : kCases) EXPECT_EQ(NetworkOf(c.a) == NetworkOf(c.b), c.same) << c.a << c.b;
}

}  // namespace
}  // namespace norroy::agent
