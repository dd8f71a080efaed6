// The guard on failed validations counts what is under way.

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

constexpr char kShared[] = "a.example.com";

// An order for the shared name and one of its own, with authorizations.
flow::Order Presenting(const std::string& id, absl::Time now, const std::string& name = kShared) {
  flow::Order order = NewOrder(id, now, {name, absl::StrCat(id, ".example.com")});
  for (const challenge::Name& each : order.names) order.progress.push_back({.name = each});
  order.state = flow::State::kPresenting;
  return order;
}

}  // namespace

class Validations : public StoreContract {
 protected:
  // Created, taken and stored as PRESENTING.
  Leased Enter(const flow::Order& order) {
    Create(NewOrder(order.id, now_, {kShared}));
    Leased leased = Take(order.id);
    leased.order = order;
    Save(leased, flow::State::kPresenting);
    return leased;
  }
  void Save(Leased& leased, flow::State state) {
    leased.order.state = state;
    leased.order.update_time = now_;
    const absl::Status saved = store_->SaveOrder(leased.order, leased.lease, false);
    EXPECT_TRUE(saved.ok()) << saved;
  }
  bool May(const Leased& leased) {
    const auto at = store_->BeginValidation(leased.order, leased.lease, limits_, now_);
    EXPECT_TRUE(at.ok()) << at.status();
    if (at.ok() && *at > now_) {
      EXPECT_LE(*at, now_ + absl::Seconds(30));
    }
    return at.ok() && *at <= now_;
  }
  bool MayJoin(const flow::Order& order) {
    const auto at = store_->MayBeginValidation(order, limits_, now_);
    EXPECT_TRUE(at.ok()) << at.status();
    return at.ok() && *at <= now_;
  }
  void Fail(const flow::Order& order) {
    EXPECT_TRUE(
        store_->NoteFailure(order, order.names.front(), absl::StrCat("https://ca/", order.id), now_)
            .ok());
  }

  Limits limits_;
};

INSTANTIATE_TEST_SUITE_P(On, Validations, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

TEST_P(Validations, OnlySoManyAreToldAsMayFail) {
  std::vector<Leased> orders;
  for (int i = 0; i < 5; ++i) orders.push_back(Enter(Presenting(absl::StrCat("o", i), now_)));
  // Asked in any order, it is the first three.
  for (const int i : {4, 3, 2, 1, 0}) EXPECT_EQ(May(orders[static_cast<size_t>(i)]), i < 3) << i;
  EXPECT_FALSE(MayJoin(Presenting("late", now_)));
  EXPECT_TRUE(MayJoin(Presenting("other", now_, "b.example.com")));
  // A wildcard's failures are the name's.
  EXPECT_FALSE(MayJoin(Presenting("wild", now_, "*.a.example.com")));
  flow::Order elsewhere = Presenting("late", now_);
  elsewhere.ca = "staging";
  EXPECT_TRUE(MayJoin(elsewhere));
  // One of them did not fail, another one did.
  Save(orders[0], flow::State::kFinalizing);
  EXPECT_TRUE(May(orders[3]));
  EXPECT_FALSE(May(orders[4]));
  Fail(orders[1].order);
  Save(orders[1], flow::State::kQueued);
  EXPECT_FALSE(May(orders[4]));
  EXPECT_TRUE(May(orders[2]));
}

TEST_P(Validations, ANameAndItsWildcardMayFailBoth) {
  flow::Order both = NewOrder("both", now_, {kShared, absl::StrCat("*.", kShared)});
  for (const challenge::Name& each : both.names) both.progress.push_back({.name = each});
  const Leased first = Enter(both);
  const Leased second = Enter(Presenting("second", now_));
  const Leased third = Enter(Presenting("third", now_));
  EXPECT_TRUE(May(first));
  EXPECT_TRUE(May(second));
  EXPECT_FALSE(May(third));
}

TEST_P(Validations, EveryStateButTwoEndsIt) {
  const struct {
    flow::State state;
    bool under_way;
  } cases[] = {
      {flow::State::kQueued, false},     {flow::State::kOrdering, false},
      {flow::State::kPresenting, true},  {flow::State::kValidating, true},
      {flow::State::kFinalizing, false}, {flow::State::kWaitingForCsr, false},
      {flow::State::kGivingUp, false},   {flow::State::kFailed, false},
  };
  limits_.failures_per_name_per_hour = 1;
  int n = 0;
  for (const auto& c : cases) {
    SCOPED_TRACE(flow::StateName(c.state));
    const std::string name = absl::StrCat("n", ++n, ".example.com");
    Leased first = Enter(Presenting(absl::StrCat("first", n), now_, name));
    EXPECT_FALSE(MayJoin(Presenting("second", now_, name)));
    Save(first, c.state);
    EXPECT_EQ(MayJoin(Presenting("second", now_, name)), !c.under_way);
  }
}

TEST_P(Validations, NamesThatAreValidDoNotCount) {
  limits_.failures_per_name_per_hour = 1;
  flow::Order order = Presenting("a", now_);
  order.progress[0].state = flow::NameState::kValid;
  Enter(order);
  EXPECT_TRUE(MayJoin(Presenting("b", now_)));
}

// Whoever waits long for an agent, or died, keeps nobody back for ever, and is not told by a place
// that others do not see any more.
TEST_P(Validations, PlacesEnd) {
  limits_.failures_per_name_per_hour = 1;
  const Leased stuck = Enter(Presenting("stuck", now_));
  now_ += absl::Seconds(30);
  const Leased second = Enter(Presenting("second", now_));
  EXPECT_FALSE(May(second));
  now_ += absl::Minutes(14);
  EXPECT_FALSE(MayJoin(Presenting("third", now_)));
  now_ += absl::Minutes(1);
  EXPECT_TRUE(May(second));
  EXPECT_FALSE(May(stuck));
  now_ += absl::Minutes(15);
  EXPECT_TRUE(May(stuck));
  EXPECT_FALSE(May(second));
}

TEST_P(Validations, StoringItAgainMovesNobody) {
  limits_.failures_per_name_per_hour = 1;
  Leased first = Enter(Presenting("first", now_));
  Leased second = Enter(Presenting("second", now_));
  Save(first, flow::State::kPresenting);
  EXPECT_TRUE(May(first));
  EXPECT_FALSE(May(second));
  Save(first, flow::State::kValidating);
  EXPECT_FALSE(May(second));
}

TEST_P(Validations, ALostLeaseBeginsNothing) {
  const Leased old = Enter(Presenting("a", now_));
  for (const absl::Duration later : {absl::Seconds(1), absl::Minutes(20)}) {
    now_ += later;
    ASSERT_TRUE(store_->BreakLeases("one").ok());
    const auto at = store_->BeginValidation(old.order, old.lease, limits_, now_);
    EXPECT_EQ(ErrorReason(at.status()), "LEASE_LOST") << at.status();
  }
}

TEST_P(Validations, OfManyAtOnceAsManyAreToldAsMayFail) {
  constexpr int kOrders = 16;
  std::vector<Leased> orders;
  for (int i = 0; i < kOrders; ++i) {
    const std::string id = absl::StrCat("o", i);
    Create(NewOrder(id, now_, {kShared}));
    orders.push_back(Take(id));
    orders.back().order = Presenting(id, now_);
  }
  std::atomic<int> told = 0;
  Race(kOrders, [&](int i) {
    Leased& mine = orders[static_cast<size_t>(i)];
    Save(mine, flow::State::kPresenting);
    if (May(mine)) ++told;
  });
  EXPECT_EQ(told, limits_.failures_per_name_per_hour);
}

}  // namespace norroy::store
