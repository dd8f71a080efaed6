#include "cli/sync_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/sync_test_ca.h"

namespace norroy::cli {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = crypto::TestNow();
constexpr absl::Duration kDay = absl::Hours(24);

crypto::Certificate Leaf(absl::Duration life, std::vector<std::string> names = {"www.example.com"},
                         crypto::KeyType key_type = crypto::KeyType::kP256) {
  static const SyncTestCa* const ca = new SyncTestCa;
  return ca->Issue({std::move(names), kStart, life}, key_type).chain.leaf();
}

TEST(RenewalTime, IsAFractionOfTheLife) {
  const struct {
    absl::Duration life;
    absl::Duration after;
  } cases[] = {
      {90 * kDay, 60 * kDay},
      {45 * kDay, 30 * kDay},
      {30 * kDay, 20 * kDay},
      {10 * kDay, 5 * kDay},
      {absl::Hours(160), absl::Hours(80)},
      {absl::Minutes(1), absl::Seconds(30)},
      {900 * kDay, 600 * kDay},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(RenewalTime(Leaf(c.life), std::nullopt), kStart + c.after) << c.life;
  }
}

TEST(RenewalTime, IsTheIssuersWithinReason) {
  IssuerView view;
  EXPECT_EQ(RenewalTime(Leaf(90 * kDay), view), kStart + 60 * kDay);
  view.renewal_time = kStart + 2 * kDay;
  EXPECT_EQ(RenewalTime(Leaf(90 * kDay), view), kStart + 2 * kDay);
  view.renewal_time = kStart + 75 * kDay;
  EXPECT_EQ(RenewalTime(Leaf(90 * kDay), view), kStart + 75 * kDay);
  view.renewal_time = kStart + 500 * kDay;
  EXPECT_EQ(RenewalTime(Leaf(90 * kDay), view), kStart + 81 * kDay);
}

TEST(WhyRenew, SaysWhatDiffers) {
  const crypto::Certificate leaf = Leaf(90 * kDay);
  const WantedCertificate wanted = Wanted();
  IssuerView known;
  known.ca = "le";
  IssuerView revoked = known;
  revoked.revoked = true;
  WantedCertificate p384 = wanted;
  p384.key_type = crypto::KeyType::kP384;
  WantedCertificate other_ca = wanted;
  other_ca.ca = "zero";
  WantedCertificate same_ca = wanted;
  same_ca.ca = "le";
  WantedCertificate profile = wanted;
  profile.profile = "shortlived";
  const struct {
    WantedCertificate wanted;
    const crypto::Certificate* installed;
    std::optional<IssuerView> view;
    absl::Duration after;
    std::string why;  // empty: stays
  } cases[] = {
      {wanted, nullptr, {}, kDay, "none yet"},
      {wanted, &leaf, {}, kDay, ""},
      {wanted, &leaf, known, kDay, ""},
      {same_ca, &leaf, known, kDay, ""},
      // Whom the issuer does not know may be from anywhere.
      {other_ca, &leaf, {}, kDay, ""},
      {wanted, &leaf, revoked, kDay, "revoked"},
      {Wanted({"www.example.com", "b.example.com"}), &leaf, {}, kDay, "names changed"},
      {Wanted({"WWW.example.com."}), &leaf, {}, kDay, ""},
      {p384, &leaf, {}, kDay, "key type changed: it has p256, wanted is p384"},
      {other_ca, &leaf, known, kDay, "CA changed: it is from le"},
      {profile, &leaf, known, kDay, "profile changed"},
      {wanted, &leaf, {}, 60 * kDay - absl::Seconds(1), ""},
      {wanted, &leaf, {}, 60 * kDay, "due since"},
      {wanted, &leaf, {}, 91 * kDay, "ended at"},
  };
  for (const auto& c : cases) {
    const std::string why = WhyRenew(c.wanted, c.installed, c.view, kStart + c.after);
    if (c.why.empty()) {
      EXPECT_EQ(why, "");
    } else {
      EXPECT_THAT(why, HasSubstr(c.why));
    }
  }
}

}  // namespace
}  // namespace norroy::cli
