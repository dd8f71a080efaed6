#include "issuer/store/ledger.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

using ::testing::ElementsAre;

constexpr char kCa[] = "https://ca.test/dir";
constexpr limits::BucketRule kTwo = {.burst = 2, .interval = absl::Minutes(10)};

class LedgerContract : public StoreContract {
 protected:
  void SetUp() override {
    StoreContract::SetUp();
    ledger_.emplace(*database_);
  }
  // An order in the line's state, and the right to work on it.
  Lease Queue(const std::string& id) {
    Create(NewOrder(id, now_));
    return StoreContract::Take(id).lease;
  }
  static BucketKey Account() { return {"acme", kNewOrdersPerAccount, ""}; }
  static BucketKey Domain(const std::string& domain = "example.com") {
    return {kCa, kCertificatesPerDomain, domain};
  }
  Draw DrawOf(const std::string& id, const std::string& principal = "requester/web") {
    const auto [it, added] = created_.emplace(id, now_ + absl::Microseconds(created_.size()));
    return {.order_id = id,
            .principal = principal,
            .since = it->second,
            .buckets = {{Account(), kTwo}}};
  }
  // How long it must wait; zero: it has drawn.
  absl::Duration Try(const Draw& draw) {
    if (leases_.count(draw.order_id) == 0) leases_[draw.order_id] = Queue(draw.order_id);
    const auto when = ledger_->Take(draw, leases_[draw.order_id], now_);
    EXPECT_TRUE(when.ok()) << when.status();
    return when.ok() ? when->turn - now_ : absl::InfiniteDuration();
  }
  int Left(const BucketKey& key) {
    const auto states = ledger_->Get({key}, now_);
    EXPECT_TRUE(states.ok()) << states.status();
    return states.ok() ? limits::TokensLeft(kTwo, states->front().full_at, now_) : -1;
  }
  int64_t Waiting(const BucketKey& key) { return ledger_->Get({key}, now_)->front().waiting; }
  std::optional<Ledger> ledger_;
  std::map<std::string, Lease> leases_;
  std::map<std::string, absl::Time> created_;
};

TEST_P(LedgerContract, GivesWhatThereIsAndThenTheTime) {
  EXPECT_EQ(Try(DrawOf("a")), absl::ZeroDuration());
  EXPECT_EQ(Try(DrawOf("b")), absl::ZeroDuration());
  EXPECT_EQ(Try(DrawOf("c")), absl::Minutes(10));
  EXPECT_EQ(Try(DrawOf("d")), absl::Minutes(20));
  EXPECT_EQ(Waiting(Account()), 2);
  now_ += absl::Minutes(10);
  // Not before who was there first.
  EXPECT_EQ(Try(DrawOf("d")), absl::Minutes(10));
  EXPECT_EQ(Try(DrawOf("c")), absl::ZeroDuration());
  EXPECT_EQ(Try(DrawOf("d")), absl::Minutes(10));
  EXPECT_EQ(Waiting(Account()), 1);
}

TEST_P(LedgerContract, AnOrderDrawsOnceEachTimeItBegins) {
  Draw draw = DrawOf("a");
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  EXPECT_EQ(Left(Account()), 1);
  draw.beginning = 1;
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  EXPECT_EQ(Left(Account()), 0);
}

TEST_P(LedgerContract, WhatItDrewAtAnotherCaForACertificateIsGivenBack) {
  Draw draw = DrawOf("a");
  draw.buckets[Domain()] = kTwo;
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  const BucketKey other = {"other", kNewOrdersPerAccount, ""};
  Draw there = DrawOf("a");
  there.beginning = 1;
  there.buckets = {{other, kTwo}};
  EXPECT_EQ(Try(there), absl::ZeroDuration());
  EXPECT_EQ(Left(other), 1);
  EXPECT_EQ(Left(Domain()), 2);
  EXPECT_EQ(Left(Account()), 1);
}

TEST_P(LedgerContract, DrawsFromAllOrNone) {
  Draw draw = DrawOf("a");
  draw.buckets[Domain()] = kTwo;
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  draw.order_id = "b";
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  now_ += absl::Minutes(10);
  Draw other = DrawOf("c");
  EXPECT_EQ(Try(other), absl::ZeroDuration());
  Draw both = DrawOf("d");
  both.buckets[Domain()] = kTwo;
  EXPECT_EQ(Try(both), absl::Minutes(10));
  EXPECT_EQ(Left(Domain()), 1);
  EXPECT_EQ(Waiting(Account()), 1);
  EXPECT_EQ(Waiting(Domain()), 0);
}

TEST_P(LedgerContract, WhatOnlyCertificatesCostIsGivenBackOnce) {
  Draw draw = DrawOf("a");
  draw.buckets[Domain()] = kTwo;
  draw.buckets[Domain("example.net")] = kTwo;
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  EXPECT_EQ(Left(Domain()), 1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(ledger_->GiveBack("a").ok());
    EXPECT_EQ(Left(Domain()), 2);
    EXPECT_EQ(Left(Domain("example.net")), 2);
    EXPECT_EQ(Left(Account()), 1);
  }
  // A second CA order of one order costs one certificate still.
  draw.order_id = "b";
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  now_ += absl::Minutes(10);
  draw.beginning = 1;
  EXPECT_EQ(Try(draw), absl::ZeroDuration());
  EXPECT_EQ(Left(Domain()), 1);
}

TEST_P(LedgerContract, ManyOrdersOfOneKeepNobodyElseWaiting) {
  Try(DrawOf("a1"));
  Try(DrawOf("a2"));
  for (int i = 0; i < 5; ++i) {
    now_ += absl::Microseconds(1);
    Try(DrawOf(absl::StrCat("many", i), "requester/ci"));
  }
  // Behind the first of the other, before its second.
  EXPECT_LT(Try(DrawOf("few", "requester/web")), absl::Minutes(20));
  now_ += absl::Minutes(10);
  EXPECT_GT(Try(DrawOf("many1", "requester/ci")), absl::ZeroDuration());
  EXPECT_GT(Try(DrawOf("few", "requester/web")), absl::ZeroDuration());
  EXPECT_EQ(Try(DrawOf("many0", "requester/ci")), absl::ZeroDuration());
  now_ += absl::Minutes(10);
  EXPECT_GT(Try(DrawOf("many1", "requester/ci")), absl::ZeroDuration());
  EXPECT_EQ(Try(DrawOf("few", "requester/web")), absl::ZeroDuration());
}

// Whoever comes again and again with one order does not always go before who has many.
TEST_P(LedgerContract, WhoComesAgainTakesTurnsToo) {
  Try(DrawOf("a1"));
  Try(DrawOf("a2"));
  std::map<std::string, std::string> waiting;  // principals by order
  for (int i = 0; i < 5; ++i) waiting[absl::StrCat("many", i)] = "requester/ci";
  for (const auto& [id, principal] : waiting) Try(DrawOf(id, principal));
  std::string served;
  for (int round = 0; round < 6; ++round) {
    if (waiting.count(absl::StrCat("again", served.size())) == 0 &&
        (served.empty() || served.back() == 'w')) {
      waiting[absl::StrCat("again", served.size())] = "requester/web";
    }
    now_ += absl::Minutes(10);
    std::map<std::string, std::string> still;
    for (const auto& [id, principal] : waiting) {
      if (Try(DrawOf(id, principal)) > absl::ZeroDuration()) {
        still[id] = principal;
      } else {
        served += principal == "requester/ci" ? 'c' : 'w';
      }
    }
    waiting = still;
  }
  EXPECT_EQ(served, "cwcwcw");
}

// Those who wait for a domain stand in nobody's way elsewhere.
TEST_P(LedgerContract, ACrowdInOneDomainKeepsNoOtherWaiting) {
  constexpr limits::BucketRule kTen = {.burst = 10, .interval = absl::Minutes(10)};
  const auto draw_of = [&](const std::string& id, const std::string& domain) {
    Draw draw = DrawOf(id, "requester/ci");
    draw.buckets = {{Account(), kTen}, {Domain(domain), kTwo}};
    return draw;
  };
  for (int i = 0; i < 30; ++i) Try(draw_of(absl::StrCat("n", i), "crowded.test"));
  EXPECT_EQ(Waiting(Domain("crowded.test")), 28);
  EXPECT_EQ(Waiting(Account()), 0);
  EXPECT_EQ(Try(draw_of("other", "free.test")), absl::ZeroDuration());
}

TEST_P(LedgerContract, WhoIsUrgentGoesFirst) {
  Try(DrawOf("a"));
  Try(DrawOf("b"));
  Draw later = DrawOf("later");
  later.priority = 2;
  EXPECT_EQ(Try(later), absl::Minutes(10));
  Draw sooner = DrawOf("sooner");
  sooner.priority = 1;
  EXPECT_EQ(Try(sooner), absl::Minutes(10));
  EXPECT_EQ(Try(later), absl::Minutes(20));
  // What is about to expire may use what is kept for it.
  Draw urgent = DrawOf("urgent");
  urgent.buckets[Account()].burst = 3;
  EXPECT_EQ(Try(urgent), absl::ZeroDuration());
}

TEST_P(LedgerContract, WhoEndsLeavesTheLine) {
  Try(DrawOf("a"));
  Try(DrawOf("b"));
  EXPECT_EQ(Try(DrawOf("c")), absl::Minutes(10));
  EXPECT_EQ(Try(DrawOf("d")), absl::Minutes(20));
  ASSERT_TRUE(ledger_->GiveBack("c").ok());
  EXPECT_EQ(Waiting(Account()), 1);
  EXPECT_EQ(Try(DrawOf("d")), absl::Minutes(10));
}

TEST_P(LedgerContract, APlaceThatIsNotLookedAfterIsLost) {
  const auto draw_of = [&](const std::string& id) {
    Draw draw = DrawOf(id);
    draw.buckets[Account()].burst = 4;
    return draw;
  };
  for (const char* id : {"a", "b", "c", "d"}) EXPECT_EQ(Try(draw_of(id)), absl::ZeroDuration());
  EXPECT_EQ(Try(draw_of("silent")), absl::Minutes(10));
  EXPECT_EQ(Try(draw_of("next")), absl::Minutes(20));
  now_ += absl::Minutes(10);
  EXPECT_EQ(Try(draw_of("next")), absl::Minutes(10));
  EXPECT_EQ(Try(draw_of("third")), absl::Minutes(20));
  now_ += absl::Minutes(10) + absl::Microseconds(1);
  EXPECT_EQ(Try(draw_of("third")), absl::ZeroDuration());
}

TEST_P(LedgerContract, AClockThatWasAheadCostsNoMoreThanAnEmptyBucket) {
  const absl::Time present = now_;
  now_ += absl::Hours(24 * 30);
  Try(DrawOf("a"));
  now_ = present;
  EXPECT_EQ(Try(DrawOf("b")), absl::Minutes(10));
  now_ += absl::Minutes(10);
  EXPECT_EQ(Try(DrawOf("b")), absl::ZeroDuration());
}

TEST_P(LedgerContract, WhoseLeaseIsLostDrawsNothing) {
  const Lease lease = Queue("a");
  ASSERT_TRUE(store_->BreakLeases("one").ok());
  EXPECT_EQ(ErrorReason(ledger_->Take(DrawOf("a"), {"a", lease.token - 1}, now_).status()),
            "LEASE_LOST");
  EXPECT_EQ(Left(Account()), 2);
}

TEST_P(LedgerContract, ListsTheScarcestFirst) {
  for (const auto& [id, domain] : {std::pair<std::string, std::string>{"a", "a.test"},
                                   {"b", "b.test"},
                                   {"c", "b.test"},
                                   {"d", "c.test"}}) {
    Draw draw = DrawOf(id);
    draw.buckets = {{Domain(domain), kTwo}};
    Try(draw);
  }
  const auto found = ledger_->Scarcest(kCa, kCertificatesPerDomain, now_, 2);
  ASSERT_TRUE(found.ok()) << found.status();
  std::vector<std::string> subjects;
  for (const BucketState& state : *found) subjects.push_back(state.key.subject);
  EXPECT_THAT(subjects, ElementsAre("b.test", "a.test"));
  now_ += absl::Minutes(10);
  EXPECT_EQ(ledger_->Scarcest(kCa, kCertificatesPerDomain, now_, 9)->size(), 1u);
}

TEST_P(LedgerContract, OfARaceAsManyDrawAsThereIs) {
  constexpr int kThreads = 8;
  std::vector<Draw> draws;
  for (int i = 0; i < kThreads; ++i) {
    draws.push_back(DrawOf(absl::StrCat(i)));
    leases_[absl::StrCat(i)] = Queue(absl::StrCat(i));
  }
  std::atomic<int> drawn = 0;
  Race(kThreads, [&](int i) {
    const Draw& draw = draws[static_cast<size_t>(i)];
    const auto when = ledger_->Take(draw, leases_.at(draw.order_id), now_);
    ASSERT_TRUE(when.ok()) << when.status();
    if (when->turn <= now_) ++drawn;
  });
  EXPECT_EQ(drawn, 2);
  EXPECT_EQ(Waiting(Account()), kThreads - 2);
}

INSTANTIATE_TEST_SUITE_P(On, LedgerContract, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

}  // namespace
}  // namespace norroy::store
