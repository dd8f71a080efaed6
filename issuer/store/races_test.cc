// Many at once: one order for one request_id, one holder for one order, one flight for one set.

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sync/mutex.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

constexpr int kThreads = 64;

TEST_P(StoreContract, OneRequestIdMakesOneOrderWhoeverRaces) {
  Mutex mutex;
  std::set<std::string> ids;
  std::atomic<int> refused = 0;
  Race(kThreads, [&](int i) {
    flow::Order order = NewOrder(absl::StrCat("order", i), now_);
    order.request_id = "one";
    order.request_hash = i % 8 == 0 ? "another body" : "body";
    const auto created = store_->CreateOrder(order, now_);
    if (!created.ok()) {
      EXPECT_EQ(ErrorReason(created.status()), "REQUEST_ID_REUSED") << created.status();
      ++refused;
      return;
    }
    MutexLock lock(&mutex);
    ids.insert(created->id);
  });
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_TRUE(refused == kThreads / 8 || refused == kThreads - kThreads / 8) << refused;
  EXPECT_EQ(Count("SELECT COUNT(*) FROM orders"), 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit"), 1);
  EXPECT_TRUE(store_->VerifyAudit().ok());
}

TEST_P(StoreContract, EachDueOrderHasOneHolderWhoeverRaces) {
  constexpr int kOrders = 40;
  for (int i = 0; i < kOrders; ++i) {
    Create(NewOrder(absl::StrCat("order", i), now_ - absl::Seconds(i)));
  }
  Mutex mutex;
  std::map<std::string, int> holders;
  std::atomic<int> nothing = 0;
  Race(kThreads, [&](int i) {
    const auto leased = store_->TakeDue(absl::StrCat("worker", i), now_, kLease);
    ASSERT_TRUE(leased.ok()) << leased.status();
    if (!leased->has_value()) {
      ++nothing;
      return;
    }
    MutexLock lock(&mutex);
    ++holders[(*leased)->order.id];
  });
  EXPECT_EQ(holders.size(), static_cast<size_t>(kOrders));
  EXPECT_EQ(nothing, kThreads - kOrders);
}

TEST_P(StoreContract, OneOfManyTakesTheFlight) {
  std::vector<Leased> leased;
  for (int i = 0; i < kThreads; ++i) {
    Create(NewOrder(absl::StrCat("order", i), now_));
    leased.push_back(Take(absl::StrCat("order", i)));
  }
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> winner = -1;
    std::atomic<int> winners = 0;
    Race(kThreads, [&](int i) {
      const Leased& mine = leased[static_cast<size_t>(i)];
      const auto taken = store_->TakeFlight(mine.order, mine.lease);
      ASSERT_TRUE(taken.ok()) << taken.status();
      if (!*taken) return;
      ++winners;
      winner = i;
    });
    ASSERT_EQ(winners, 1);
    const Leased& mine = leased[static_cast<size_t>(winner)];
    ASSERT_TRUE(store_->GiveFlightBack(mine.order, mine.lease).ok());
  }
}

// Holders come and go; every save that was accepted is the one of the newest token.
TEST_P(StoreContract, SavesUnderOldTokensNeverLand) {
  Create(NewOrder("a", now_));
  Mutex mutex;
  int64_t newest = 0;
  std::atomic<int> accepted = 0;
  std::atomic<int> lost = 0;
  Race(16, [&](int i) {
    for (int round = 0; round < 20; ++round) {
      // Each round is past the end of every lease before it.
      absl::Time later;
      {
        MutexLock lock(&mutex);
        now_ += kLease;
        later = now_;
      }
      auto leased = store_->TakeOrder("a", absl::StrCat("worker", i), later, kLease);
      ASSERT_TRUE(leased.ok()) << leased.status();
      if (!leased->has_value()) continue;
      Leased& mine = **leased;
      mine.order.generation = mine.lease.token;
      const absl::Status saved = store_->SaveOrder(mine.order, mine.lease, false);
      if (!saved.ok()) {
        EXPECT_EQ(ErrorReason(saved), "LEASE_LOST");
        ++lost;
        continue;
      }
      ++accepted;
      MutexLock lock(&mutex);
      newest = std::max(newest, mine.lease.token);
    }
  });
  EXPECT_GT(accepted, 0);
  EXPECT_EQ(store_->GetOrder("a")->generation, newest);
}

// Every audited change of many threads is one link of one chain.
TEST_P(StoreContract, TheChainHoldsUnderConcurrency) {
  Race(kThreads, [&](int i) {
    EXPECT_TRUE(store_->Audit({.action = absl::StrCat("a", i)}, now_).ok());
    Create(NewOrder(absl::StrCat("order", i), now_));
  });
  const auto heads = store_->VerifyAudit();
  ASSERT_TRUE(heads.ok()) << heads.status();
  EXPECT_EQ(heads->front().seq, 2 * kThreads);
}

}  // namespace
}  // namespace norroy::store
