// The guards towards the CA: how often an order, a certificate, a failure, and holds.

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);
constexpr absl::Duration kWeek = absl::Hours(7 * 24);

TEST_P(StoreContract, NewOrdersOfASetAreCounted) {
  const flow::Order order = NewOrder("a", now_);
  const Limits limits;
  EXPECT_LE(*store_->MayOrder(order, limits, now_), now_);
  const absl::Time second = now_ + absl::Minutes(10);
  ASSERT_TRUE(store_->NoteCaOrder(order, "https://ca/order/1", now_).ok());
  EXPECT_LE(*store_->MayOrder(order, limits, now_), now_);
  // The CA handed the same order back: it counts once, from its first time on.
  ASSERT_TRUE(store_->NoteCaOrder(order, "https://ca/order/1", second).ok());
  EXPECT_LE(*store_->MayOrder(order, limits, second), second);
  ASSERT_TRUE(store_->NoteCaOrder(NewOrder("b", now_), "https://ca/order/2", second).ok());
  EXPECT_EQ(*store_->MayOrder(order, limits, second), now_ + kHour);
  EXPECT_EQ(*store_->MayOrder(order, limits, now_ + kHour - absl::Nanoseconds(1)), now_ + kHour);
  EXPECT_LE(*store_->MayOrder(order, limits, now_ + kHour), now_ + kHour);

  struct Case {
    std::string what;
    flow::Order order;
    Limits limits;
    absl::Time at;
  };
  flow::Order elsewhere = order;
  elsewhere.ca = "staging";
  flow::Order profile = order;
  profile.profile = "shortlived";
  const Case cases[] = {
      {"another set", NewOrder("c", now_, {"c.example.com"}), {}, second},
      {"a larger set", NewOrder("c", now_, {"c.example.com", "www.example.com"}), {}, second},
      {"another CA", elsewhere, {}, second},
      {"another profile counts too", profile, {}, now_ + kHour},
      {"none allowed", order, {.new_orders_per_set_per_hour = 0}, absl::InfiniteFuture()},
      {"one allowed", order, {.new_orders_per_set_per_hour = 1}, second + kHour},
      {"three allowed", order, {.new_orders_per_set_per_hour = 3}, second},
      {"any number allowed",
       order,
       {.new_orders_per_set_per_hour = std::numeric_limits<int>::max()},
       second},
  };
  for (const Case& c : cases) {
    const auto at = store_->MayOrder(c.order, c.limits, second);
    ASSERT_TRUE(at.ok()) << c.what << ": " << at.status();
    EXPECT_EQ(*at, c.at) << c.what;
  }
}

TEST_P(StoreContract, CertificatesOfASetAreCounted) {
  Limits limits;
  for (int i = 0; i < 3; ++i) {
    const flow::Order order = NewOrder(absl::StrCat("o", i), now_);
    EXPECT_LE(*store_->MayOrder(order, limits, now_ + absl::Hours(i)), now_ + absl::Hours(i));
    Finish(order, NewCertificate(absl::StrCat("c", i), order, now_ + absl::Hours(i)));
  }
  const flow::Order fourth = NewOrder("fourth", now_);
  EXPECT_EQ(*store_->MayOrder(fourth, limits, now_ + absl::Hours(3)), now_ + kWeek);
  EXPECT_LE(*store_->MayOrder(fourth, limits, now_ + kWeek), now_ + kWeek);
  limits.certificates_per_set_per_week = 1;
  EXPECT_EQ(*store_->MayOrder(fourth, limits, now_ + absl::Hours(3)),
            now_ + absl::Hours(2) + kWeek);
}

TEST_P(StoreContract, FailuresOfANameAreCounted) {
  const flow::Order order = NewOrder("a", now_, {"a.example.com", "b.example.com"});
  const challenge::Name a = order.names[0];
  const challenge::Name b = order.names[1];
  const Limits limits;
  for (int i = 0; i < 3; ++i) {
    const absl::Time then = now_ + absl::Minutes(i);
    EXPECT_LE(*store_->MayValidate(order, limits, then), then);
    const std::string url = absl::StrCat("https://ca/authorization/", i);
    ASSERT_TRUE(store_->NoteFailure(order, a, url, then).ok());
    ASSERT_TRUE(store_->NoteFailure(order, a, url, then + absl::Seconds(30)).ok());
  }
  const absl::Time later = now_ + absl::Minutes(3);
  EXPECT_EQ(*store_->MayValidate(order, limits, later), now_ + kHour);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(store_->NoteFailure(order, b, absl::StrCat("https://ca/b/", i), later).ok());
  }
  // The latest end of all names counts.
  EXPECT_EQ(*store_->MayValidate(order, limits, later), later + kHour);
  EXPECT_EQ(*store_->MayValidate(NewOrder("x", now_, {"a.example.com"}), limits, later),
            now_ + kHour);
  // CAs count identifiers: the wildcard's failures are the name's.
  EXPECT_EQ(*store_->MayValidate(NewOrder("x", now_, {"*.a.example.com"}), limits, later),
            now_ + kHour);
  EXPECT_LE(*store_->MayValidate(NewOrder("x", now_, {"c.example.com"}), limits, later), later);
  flow::Order elsewhere = order;
  elsewhere.ca = "staging";
  EXPECT_LE(*store_->MayValidate(elsewhere, limits, later), later);
  EXPECT_LE(*store_->MayValidate(order, limits, later + kHour), later + kHour);
}

// A clock that was years ahead when something was noted must not block for years.
TEST_P(StoreContract, NotesFromAFarFutureDoNotCount) {
  const flow::Order order = NewOrder("a", now_);
  const absl::Time wrong = now_ + absl::Hours(24 * 3650);
  for (int i = 0; i < 5; ++i) {
    const std::string url = absl::StrCat("https://ca/", i);
    ASSERT_TRUE(store_->NoteCaOrder(order, url, wrong).ok());
    ASSERT_TRUE(store_->NoteFailure(order, order.names[0], url, wrong).ok());
  }
  EXPECT_LE(*store_->MayOrder(order, {}, now_), now_);
  EXPECT_LE(*store_->MayValidate(order, {}, now_), now_);
  EXPECT_GT(*store_->MayOrder(order, {}, now_ + absl::Hours(24 * 3650)), wrong);
}

TEST_P(StoreContract, HoldsKeepTheirLatestEnd) {
  EXPECT_EQ(*store_->GetHold("ca/letsencrypt"), absl::InfinitePast());
  struct Case {
    std::string scope;
    absl::Time until;
    absl::Time held;
  };
  const std::string long_scope = absl::StrCat("set/letsencrypt/", std::string(25'000, 'x'));
  const Case cases[] = {
      {"ca/letsencrypt", now_ + absl::Minutes(5), now_ + absl::Minutes(5)},
      {"ca/letsencrypt", now_ + absl::Minutes(1), now_ + absl::Minutes(5)},
      {"ca/letsencrypt", now_ + absl::Minutes(9), now_ + absl::Minutes(9)},
      {"ca/staging", now_ + absl::Minutes(1), now_ + absl::Minutes(1)},
      {"ca/letsencrypt", absl::InfinitePast(), absl::InfinitePast()},
      {"ca/letsencrypt", now_ + absl::Minutes(2), now_ + absl::Minutes(2)},
      {long_scope, now_ + absl::Minutes(3), now_ + absl::Minutes(3)},
      {absl::StrCat(long_scope, "y"), now_ + absl::Minutes(1), now_ + absl::Minutes(1)},
      {"", absl::InfiniteFuture(), absl::InfiniteFuture()},
  };
  for (const Case& c : cases) {
    ASSERT_TRUE(store_->SetHold(c.scope, c.until).ok());
    EXPECT_EQ(*store_->GetHold(c.scope), c.held) << c.scope.substr(0, 40);
  }
}

// What waits for a human can be lifted by him, what waits for its time cannot.
TEST_P(StoreContract, HoldsSayWhatTheyWaitFor) {
  const absl::Time soon = now_ + absl::Minutes(5);
  EXPECT_EQ(*store_->WhyHeld("ca/a"), "");
  ASSERT_TRUE(store_->SetHold("ca/a", soon).ok());
  ASSERT_TRUE(store_->SetHold("ca/b", soon, "new terms; agree to them").ok());
  EXPECT_EQ(*store_->WhyHeld("ca/a"), "");
  EXPECT_EQ(*store_->WhyHeld("ca/b"), "new terms; agree to them");
  for (const char* const scope : {"ca/a", "ca/b", "ca/c"}) {
    EXPECT_TRUE(store_->LiftHold(scope).ok());
  }
  EXPECT_EQ(*store_->GetHold("ca/a"), soon);
  EXPECT_EQ(*store_->GetHold("ca/b"), absl::InfinitePast());
  // The later end counts, with what it waits for.
  ASSERT_TRUE(store_->SetHold("ca/a", now_ + absl::Minutes(1), "sooner").ok());
  EXPECT_EQ(*store_->WhyHeld("ca/a"), "");
  ASSERT_TRUE(store_->SetHold("ca/a", now_ + absl::Hours(1), "later").ok());
  EXPECT_EQ(*store_->WhyHeld("ca/a"), "later");
}

}  // namespace
}  // namespace norroy::store
