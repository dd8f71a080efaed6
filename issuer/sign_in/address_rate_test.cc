#include "issuer/sign_in/address_rate.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "absl/strings/str_cat.h"

namespace norroy::sign_in {
namespace {

struct Peer {
  explicit Peer(const std::string& text) {
    if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
      v4.sin_family = AF_INET;
      v4.sin_port = htons(51000);
    } else {
      EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(51000);
    }
  }
  const sockaddr* get() const {
    return v4.sin_family == AF_INET ? reinterpret_cast<const sockaddr*>(&v4)
                                    : reinterpret_cast<const sockaddr*>(&v6);
  }
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
};

std::string KeyOf(const std::string& text) { return AddressKey(Peer(text).get()); }

TEST(AddressKey, WhoIsOne) {
  EXPECT_EQ(KeyOf("192.0.2.7"), KeyOf("::ffff:192.0.2.7"));
  EXPECT_NE(KeyOf("192.0.2.7"), KeyOf("192.0.2.8"));
  EXPECT_EQ(KeyOf("2001:db8:1:2::1"), KeyOf("2001:db8:1:2:ffff::2"));
  EXPECT_NE(KeyOf("2001:db8:1:2::1"), KeyOf("2001:db8:1:3::1"));
  EXPECT_EQ(AddressText(Peer("192.0.2.7").get()), "192.0.2.7:51000");
  EXPECT_EQ(AddressText(Peer("::ffff:192.0.2.7").get()), "192.0.2.7:51000");
  EXPECT_EQ(AddressText(Peer("2001:db8::7").get()), "[2001:db8::7]:51000");
}

TEST(AddressRate, ABucketEach) {
  AddressRate rate(30);
  absl::Duration now = absl::Hours(1);
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(rate.Take("a", now)) << i;
  EXPECT_FALSE(rate.Take("a", now));
  EXPECT_TRUE(rate.Take("b", now));
  EXPECT_EQ(rate.SecondsUntilNext(), 2);
  now += absl::Seconds(2);
  EXPECT_TRUE(rate.Take("a", now));
  EXPECT_FALSE(rate.Take("a", now));
  now += absl::Hours(1);
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(rate.Take("a", now)) << i;
  EXPECT_FALSE(rate.Take("a", now)) << "a bucket holds no more than a minute's worth";
}

TEST(AddressRate, RemembersTheLatest) {
  AddressRate rate(1);
  const absl::Duration now = absl::Hours(1);
  EXPECT_TRUE(rate.Take("a", now));
  for (size_t i = 0; i < AddressRate::kMaxAddresses + 100; ++i) {
    EXPECT_TRUE(rate.Take(absl::StrCat("x", i), now));
    EXPECT_FALSE(rate.Take("a", now)) << "who goes on asking is not forgotten";
  }
  EXPECT_EQ(rate.size(), AddressRate::kMaxAddresses);
}

}  // namespace
}  // namespace norroy::sign_in
