// What principals may have in a day, on every kind of database.

#include "issuer/store/quota.h"

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {

// The fixture is instantiated for the tests of store_contract_test.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

namespace {

constexpr absl::Duration kDay = absl::Hours(24);

Spending Of(int per_day, int per_domain, std::vector<std::string> domains = {"example.com"}) {
  return {per_day, per_domain, std::move(domains)};
}

class QuotaTest : public StoreContract {
 protected:
  absl::Status Order(const std::string& id, const Spending& spending, absl::Time now,
                     const std::string& creator = "requester/web") {
    flow::Order order = NewOrder(id, now);
    order.creator = creator;
    return store_->CreateOrder(order, now, {.spending = spending}).status();
  }
};

TEST_P(QuotaTest, AsManyAsTheQuotaAndThenWhenTheNextIsFree) {
  const Spending spending = Of(10, 3);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Order(absl::StrCat("o", i), spending, now_ + absl::Minutes(i)).ok());
  }
  const absl::Status full = Order("o3", spending, now_ + absl::Minutes(5));
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted) << full;
  EXPECT_EQ(ErrorReason(full), "QUOTA_EXCEEDED");
  const ErrorMetadata metadata = ErrorMetadataOf(full);
  EXPECT_EQ(metadata.at("domain"), "example.com");
  EXPECT_EQ(metadata.at("limit"), "3");
  EXPECT_EQ(metadata.at("principal"), "requester/web");
  EXPECT_EQ(metadata.at("retry_at"),
            absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now_ + kDay, absl::UTCTimeZone()));
  // What was refused is not there, and was not counted.
  EXPECT_TRUE(absl::IsNotFound(store_->GetOrder("o3").status()));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit"), 3);
  // Another domain, another principal: theirs.
  EXPECT_TRUE(Order("o4", Of(10, 3, {"example.org"}), now_ + absl::Minutes(5)).ok());
  EXPECT_TRUE(Order("o5", spending, now_ + absl::Minutes(5), "requester/web-2").ok());
  // A day after the first, one is free; the second still counts.
  EXPECT_FALSE(Order("o6", spending, now_ + kDay - absl::Nanoseconds(1)).ok());
  EXPECT_TRUE(Order("o7", spending, now_ + kDay).ok());
  EXPECT_FALSE(Order("o8", spending, now_ + kDay).ok());
}

TEST_P(QuotaTest, AllOrdersOfAPrincipalTogether) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Order(absl::StrCat("o", i), Of(4, 3, {absl::StrCat("d", i, ".test")}), now_).ok());
  }
  const absl::Status full = Order("o4", Of(4, 3, {"d9.test"}), now_);
  EXPECT_EQ(ErrorReason(full), "QUOTA_EXCEEDED");
  EXPECT_EQ(ErrorMetadataOf(full).at("quota"), "orders_per_day");
  EXPECT_EQ(ErrorMetadataOf(full).count("domain"), 0u);
  // A grant with a higher quota counts at once.
  EXPECT_TRUE(Order("o4", Of(5, 3, {"d9.test"}), now_).ok());
}

TEST_P(QuotaTest, TheDomainThatIsFreeLastIsNamed) {
  ASSERT_TRUE(Order("a", Of(10, 1, {"a.test"}), now_).ok());
  ASSERT_TRUE(Order("b", Of(10, 1, {"b.test"}), now_ + absl::Hours(1)).ok());
  const absl::Status full =
      Order("c", Of(10, 1, {"a.test", "b.test", "c.test"}), now_ + absl::Hours(2));
  EXPECT_EQ(ErrorMetadataOf(full).at("domain"), "b.test") << full;
  EXPECT_NE(full.message().find("b.test"), absl::string_view::npos) << full;
  // A refusal counts for none of the domains.
  EXPECT_TRUE(Order("d", Of(10, 1, {"c.test"}), now_ + absl::Hours(2)).ok());
}

TEST_P(QuotaTest, ARepeatedRequestIdCountsOnce) {
  const Spending one = Of(1, 1);
  for (int i = 0; i < 3; ++i) {
    flow::Order order = NewOrder(absl::StrCat("o", i), now_);
    order.request_id = "r";
    order.request_hash = "h";
    const auto created = store_->CreateOrder(order, now_, {.spending = one});
    ASSERT_TRUE(created.ok()) << created.status();
    EXPECT_EQ(created->id, "o0");
  }
  EXPECT_EQ(ErrorReason(Order("o9", one, now_, "operator/alice")), "QUOTA_EXCEEDED");
}

// The request_id of a request that was refused is free.
TEST_P(QuotaTest, ARefusedRequestIdIsNotTaken) {
  ASSERT_TRUE(Order("a", Of(1, 1), now_, "operator/alice").ok());
  flow::Order order = NewOrder("b", now_);
  order.request_id = "r";
  EXPECT_FALSE(store_->CreateOrder(order, now_, {.spending = Of(1, 1)}).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM requests"), 0);
  order.request_hash = "another body";
  EXPECT_TRUE(store_->CreateOrder(order, now_ + kDay, {.spending = Of(1, 1)}).ok());
}

TEST_P(QuotaTest, WhatIsNoOrderCountsAsOne) {
  Quotas quotas(*database_);
  EXPECT_TRUE(quotas.Spend("requester/web", "look/1", Of(2, 2), now_).ok());
  EXPECT_TRUE(Order("o", Of(2, 2), now_).ok());
  EXPECT_EQ(ErrorReason(quotas.Spend("requester/web", "look/2", Of(2, 2), now_)), "QUOTA_EXCEEDED");
  EXPECT_FALSE(Order("p", Of(2, 2), now_).ok());
}

TEST_P(QuotaTest, OldRowsAreForgotten) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Order(absl::StrCat("o", i), Of(9, 9), now_).ok());
  ASSERT_TRUE(Order("later", Of(9, 9), now_ + kDay).ok());
  // The one that is waited at, the order's own, and its domain's.
  EXPECT_EQ(Count("SELECT COUNT(*) FROM order_domains"), 3);
}

// A clock that ran two days ahead must not shut anybody out when it is right again.
TEST_P(QuotaTest, WhatTheFutureCountedDoesNotCount) {
  ASSERT_TRUE(Order("wrong", Of(1, 1), now_ + 2 * kDay).ok());
  EXPECT_TRUE(Order("right", Of(1, 1), now_).ok());
  EXPECT_FALSE(Order("next", Of(1, 1), now_).ok());
}

TEST_P(QuotaTest, OfAHundredThatRaceAsManyPassAsTheQuotaAllows) {
  constexpr int kThreads = 100;
  constexpr int kQuota = 7;
  std::atomic<int> passed = 0;
  std::atomic<int> refused = 0;
  Race(kThreads, [&](int i) {
    // Half of them for two domains.
    std::vector<std::string> domains = {"example.com"};
    if (i % 2 == 0) domains.push_back("example.org");
    const absl::Status status = Order(absl::StrCat("o", i), Of(1000, kQuota, domains), now_);
    if (status.ok()) {
      ++passed;
    } else {
      EXPECT_EQ(ErrorReason(status), "QUOTA_EXCEEDED") << status;
      ++refused;
    }
  });
  EXPECT_EQ(passed, kQuota);
  EXPECT_EQ(refused, kThreads - kQuota);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM orders"), kQuota);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM order_domains WHERE domain = 'example.com'"), kQuota);
}

// One that asks for ten thousand takes nothing from another.
TEST_P(QuotaTest, WhoAsksForThousandsTakesNothingFromOthers) {
  const Spending spending = Of(300, 50);
  int passed = 0;
  for (int i = 0; i < 1000; ++i) {
    passed += Order(absl::StrCat("o", i), spending, now_, "requester/greedy").ok() ? 1 : 0;
  }
  EXPECT_EQ(passed, 50);
  EXPECT_TRUE(Order("mine", spending, now_, "requester/modest").ok());
}

INSTANTIATE_TEST_SUITE_P(On, QuotaTest, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

}  // namespace
}  // namespace norroy::store
