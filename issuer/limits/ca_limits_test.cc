#include "issuer/limits/ca_limits.h"

#include <gtest/gtest.h>

namespace norroy::limits {
namespace {

std::string Subject(const std::string& name) {
  return SubjectOf(challenge::Name::Parse(name)->identifier());
}

TEST(CaLimits, LetsEncryptPublishesItsLimits) {
  const CaLimits limits = PublishedBy("https://acme-v02.api.letsencrypt.org/directory");
  ASSERT_TRUE(limits.new_orders_per_account.has_value());
  EXPECT_EQ(limits.new_orders_per_account->count, 300);
  ASSERT_TRUE(limits.certificates_per_domain.has_value());
  // One each 202 minutes.
  EXPECT_EQ(limits.certificates_per_domain->per / limits.certificates_per_domain->count,
            absl::Minutes(201) + absl::Seconds(36));
}

TEST(CaLimits, OfAnUnknownCaNoneAreKnown) {
  const CaLimits limits = PublishedBy("https://acme-v02.api.letsencrypt.org.example.com/directory");
  EXPECT_FALSE(limits.new_orders_per_account.has_value());
  EXPECT_FALSE(limits.certificates_per_domain.has_value());
}

TEST(CaLimits, FourFifthsAreOurs) {
  const Published published = {300, absl::Hours(3)};
  EXPECT_EQ(TokensLeft(RuleOf(published), absl::InfinitePast(), absl::UnixEpoch()), 240);
  EXPECT_EQ(TokensLeft(RuleOf(published, true), absl::InfinitePast(), absl::UnixEpoch()), 300);
  EXPECT_EQ(RuleOf(published).interval, absl::Seconds(45));
  EXPECT_EQ(TokensLeft(RuleOf({1, absl::Hours(1)}), absl::InfinitePast(), absl::UnixEpoch()), 1);
}

TEST(CaLimits, NamesCountForTheirRegisteredDomain) {
  EXPECT_EQ(Subject("*.a.example.co.uk"), "example.co.uk");
  EXPECT_EQ(Subject("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(Subject("2001:db8:0:1:2:3:4:5"), "2001:db8:0:1::/64");
  EXPECT_EQ(Subject("2001:db8::1"), "2001:db8::/64");
}

}  // namespace
}  // namespace norroy::limits
