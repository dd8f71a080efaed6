// Two issuers' stores on one PostgreSQL, each with connections of its own: what is counted and
// taken is counted and taken once, whichever of them is asked.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/lease/tenure.h"
#include "common/sql/postgres_kinds.h"
#include "common/sync/mutex.h"
#include "issuer/store/ledger.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {

// The fixture is instantiated for the tests of store_contract_test.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

namespace {

constexpr int kThreads = 16;

class TwoIssuers : public ::testing::Test {
 protected:
  TwoIssuers() {
    const std::string name = absl::StrCat("two", ++databases_);
    for (const int i : {0, 1}) {
      databases_of_[i] = *sql::OpenPostgres(sql::TestPostgres().Database(name));
      EXPECT_TRUE(sql::Migrate(*databases_of_[i], Store::Migrations()).ok());
      stores_[i] = Store::Make(*databases_of_[i], absl::StrCat("issuer/", i));
    }
  }

  Store& store(int i) { return *stores_[i % 2]; }

  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::unique_ptr<sql::Database> databases_of_[2];
  std::unique_ptr<Store> stores_[2];

 private:
  static inline int databases_ = 0;
};

TEST_F(TwoIssuers, BothMayMigrateANewDatabase) {
  for (int round = 0; round < 5; ++round) {
    const std::string url = sql::TestPostgres().Database(absl::StrCat("new", round));
    Race(4, [&](int) {
      const auto database = sql::OpenPostgres(url);
      ASSERT_TRUE(database.ok()) << database.status();
      const absl::Status migrated = sql::Migrate(**database, Store::Migrations());
      EXPECT_TRUE(migrated.ok()) << migrated;
    });
  }
}

TEST_F(TwoIssuers, OneRequestIdMakesOneOrder) {
  Mutex mutex;
  std::set<std::string> ids;
  Race(kThreads, [&](int i) {
    flow::Order order = NewOrder(absl::StrCat("order", i), now_);
    order.request_id = "one";
    order.request_hash = "body";
    const auto created = store(i).CreateOrder(order, now_);
    ASSERT_TRUE(created.ok()) << created.status();
    MutexLock lock(&mutex);
    ids.insert(created->id);
  });
  EXPECT_EQ(ids.size(), 1u);
}

TEST_F(TwoIssuers, OfABudgetAsMuchIsDrawnAsThereIs) {
  constexpr int kThere = 4;
  const BucketKey key = {"acme", kNewOrdersPerAccount, ""};
  std::vector<Lease> leases;
  for (int i = 0; i < kThreads; ++i) {
    const std::string id = absl::StrCat("order", i);
    ASSERT_TRUE(store(i).CreateOrder(NewOrder(id, now_), now_).ok());
    leases.push_back((*store(i).TakeOrder(id, absl::StrCat(i), now_, kLease))->lease);
  }
  Ledger ledgers[] = {Ledger(*databases_of_[0]), Ledger(*databases_of_[1])};
  std::atomic<int> drawn = 0;
  Race(kThreads, [&](int i) {
    const Lease& lease = leases[static_cast<size_t>(i)];
    const auto taken =
        ledgers[i % 2].Take({.order_id = lease.order_id,
                             .principal = "requester/web",
                             .since = now_,
                             .buckets = {{key, {.burst = kThere, .interval = absl::Minutes(10)}}}},
                            lease, now_);
    ASSERT_TRUE(taken.ok()) << taken.status();
    if (taken->turn <= now_) ++drawn;
  });
  EXPECT_EQ(drawn, kThere);
  EXPECT_EQ(ledgers[0].Get({key}, now_)->front().waiting, kThreads - kThere);
}

TEST_F(TwoIssuers, EachDueOrderHasOneHolder) {
  for (int i = 0; i < kThreads; ++i) {
    ASSERT_TRUE(store(i).CreateOrder(NewOrder(absl::StrCat("order", i), now_), now_).ok());
  }
  Mutex mutex;
  std::map<std::string, int> holders;
  Race(kThreads, [&](int i) {
    const auto leased = store(i).TakeDue(absl::StrCat("worker", i), now_, kLease);
    ASSERT_TRUE(leased.ok()) << leased.status();
    ASSERT_TRUE(leased->has_value());
    MutexLock lock(&mutex);
    ++holders[(*leased)->order.id];
  });
  EXPECT_EQ(holders.size(), static_cast<size_t>(kThreads));
}

TEST_F(TwoIssuers, QuotasAreCountedTogether) {
  std::atomic<int> taken = 0;
  Race(kThreads, [&](int i) {
    flow::Order order = NewOrder(absl::StrCat("order", i), now_);
    const auto created =
        store(i).CreateOrder(order, now_, {.spending = Spending{100, 5, {"example.com"}}});
    if (created.ok()) {
      ++taken;
      return;
    }
    EXPECT_EQ(ErrorReason(created.status()), "QUOTA_EXCEEDED") << created.status();
  });
  EXPECT_EQ(taken, 5);
}

TEST_F(TwoIssuers, OneOfManyTakesTheFlight) {
  std::vector<Leased> leased;
  for (int i = 0; i < kThreads; ++i) {
    ASSERT_TRUE(store(i).CreateOrder(NewOrder(absl::StrCat("order", i), now_), now_).ok());
    leased.push_back(**store(i).TakeOrder(absl::StrCat("order", i), "one", now_, kLease));
  }
  std::atomic<int> winners = 0;
  Race(kThreads, [&](int i) {
    const Leased& mine = leased[static_cast<size_t>(i)];
    const auto taken = store(i).TakeFlight(mine.order, mine.lease);
    ASSERT_TRUE(taken.ok()) << taken.status();
    if (*taken) ++winners;
  });
  EXPECT_EQ(winners, 1);
}

// Of orders that share a name no more are told to the CA than may fail.
TEST_F(TwoIssuers, ValidationsUnderWayAreCountedTogether) {
  Limits limits;
  limits.failures_per_name_per_hour = 3;
  std::atomic<int> told = 0;
  Race(8, [&](int i) {
    const std::string id = absl::StrCat("order", i);
    ASSERT_TRUE(
        store(i)
            .CreateOrder(NewOrder(id, now_, {"shared.example.com", absl::StrCat(id, ".example")}),
                         now_)
            .ok());
    Leased mine = **store(i).TakeOrder(id, "one", now_, kLease);
    mine.order.state = flow::State::kPresenting;
    for (const challenge::Name& name : mine.order.names) {
      mine.order.progress.push_back({.name = name});
    }
    const absl::Status saved = store(i).SaveOrder(mine.order, mine.lease, false);
    ASSERT_TRUE(saved.ok()) << saved;
    const auto at = store(i).BeginValidation(mine.order, mine.lease, limits, now_);
    ASSERT_TRUE(at.ok()) << at.status();
    if (*at <= now_) ++told;
  });
  EXPECT_EQ(told, 3);
}

TEST_F(TwoIssuers, WhatAProcessThatIsGoneHeldIsTakenOver) {
  SimulatedClock clock(now_);
  std::unique_ptr<lease::Tenure> tenures[2];
  for (const int i : {0, 1}) {
    tenures[i] = *lease::Tenure::Begin(
        {.database = *databases_of_[i],
         .clock = clock,
         .name = absl::StrCat("issuer/", i),
         .incarnation = absl::StrCat("life", i),
         .give_away = [](sql::Connection& connection, const std::string& name) {
           return Store::BreakLeases(connection, name).status();
         }});
  }
  ASSERT_TRUE(store(0).CreateOrder(NewOrder("a", now_), now_).ok());
  const Leased lost = **store(0).TakeOrder("a", "issuer/0", now_, kLease);
  EXPECT_EQ(store(0).LeasesOf("issuer/0", now_)->size(), 1u);
  for (absl::Duration passed; passed < lease::Tenure::kGone; passed += lease::Tenure::kBeat) {
    EXPECT_FALSE(store(1).TakeDue("issuer/1", clock.Now(), kLease)->has_value());
    clock.Advance(lease::Tenure::kBeat);
    ASSERT_TRUE(tenures[1]->Beat().ok());
  }
  EXPECT_TRUE(store(1).TakeDue("issuer/1", clock.Now(), kLease)->has_value());
  EXPECT_EQ(ErrorReason(store(0).SaveOrder(lost.order, lost.lease, false)), "LEASE_LOST");
  EXPECT_EQ(store(0).LeasesOf("issuer/0", clock.Now())->size(), 0u);
}

}  // namespace
}  // namespace norroy::store
