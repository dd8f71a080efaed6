// Two issuers on one database: what happens to an order when its holder dies, is stopped, loses the
// database, or when somebody changes the order at the other one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/lease/tenure.h"
#include "issuer/flow/flow_fixture.h"
#include "issuer/flow/follower.h"

namespace norroy::flow {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using Condition = FlowFixture::Condition;

// How soon a survivor may take over at the earliest, and must at the latest.
const absl::Duration kTakesOver = lease::Tenure::kGone + 3 * lease::Tenure::kBeat;

// The CA was told by the first issuer, and looks for a while.
Order StartValidating(FlowFixture& f, const std::string& name) {
  const Order order = f.Create({name}, MakeCsr({name}, MakeKey()));
  for (int i = 0; i < 20 && f.ca().count(fakes::Endpoint::kChallenge) == 0; ++i) {
    f.engine(0).RunDue();
    f.clock().Advance(absl::Milliseconds(100));
  }
  f.RunFor(absl::Seconds(3));
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 1);
  EXPECT_EQ(f.ca().orders()[0].finalizes, 0);
  return order;
}

fakes::FakeCaOptions SlowCa() {
  fakes::FakeCaOptions options;
  options.validation_polls = 40;
  return options;
}

TEST(Several, ASurvivorTakesOverSoonAndNothingIsDoneTwice) {
  FlowFixture f(SlowCa());
  f.AddIssuer();
  const Order order = StartValidating(f, "www.example.test");
  f.Set(0, Condition::kDead);
  const absl::Time died = f.clock().Now();
  while (f.store().LeasesOf("second", f.clock().Now())->empty()) {
    ASSERT_LT(f.clock().Now() - died, kTakesOver);
    f.RunFor(absl::Seconds(1));
  }
  EXPECT_GE(f.clock().Now() - died, lease::Tenure::kGone);
  ASSERT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.ca().certificates_issued(), 1);
  ASSERT_EQ(f.ca().orders().size(), 1u);
  EXPECT_EQ(f.ca().orders()[0].finalizes, 1);
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Several, NothingIsTakenFromAHolderThatLives) {
  FlowFixture f(SlowCa());
  f.AddIssuer();
  const Order order = StartValidating(f, "www.example.test");
  const int before = f.requests_seen();
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_GT(f.requests_seen(), before + 3);
  EXPECT_EQ(f.tenure(0).number(), 1);
  EXPECT_EQ(f.tenure(1).number(), 1);
}

// SIGSTOP past its tenure, the other finishes, SIGCONT: no write of it lands, and the CA hears
// nothing of it, whether or not it beats before its workers look.
TEST(Several, AStoppedHolderDoesNothingLate) {
  for (const bool beats_first : {false, true}) {
    FlowFixture f(SlowCa());
    f.AddIssuer();
    const Order order = StartValidating(f, "www.example.test");
    f.Set(0, Condition::kStopped);
    ASSERT_EQ(f.Settle(order.id).state, State::kDone);
    const Order done = f.Get(order.id);
    const int heard = f.requests_seen();
    f.Set(0, Condition::kAwake);
    if (beats_first) (void)f.tenure(0).Beat();
    f.engine(0).RunDue();
    f.RunFor(absl::Minutes(3));
    EXPECT_EQ(f.requests_seen(), heard);
    EXPECT_EQ(f.Get(order.id).update_time, done.update_time);
    EXPECT_EQ(f.ca().orders().size(), 1u);
    EXPECT_EQ(f.ca().certificates_issued(), 1);
    EXPECT_THAT(f.ca().violations(), IsEmpty());
    // It works again.
    const Order next = f.Create({"next.example.test"});
    EXPECT_EQ(f.Settle(next.id).state, State::kWaitingForCsr);
  }
}

// Between two requests of one run: the reply to the first comes after the tenure.
TEST(Several, NoRequestFollowsOneThatTookLongerThanTheTenure) {
  FlowFixture f;
  f.AddIssuer();
  int late = 0;
  bool stopped = false;
  f.ca().SetValidator([&](const fakes::Attempt&) {
    if (!stopped) {
      stopped = true;
      // The process stands still here; nothing that it sends from now on is in time.
      f.clock().Advance(lease::Tenure::kLasts);
      late = f.requests_seen();
    }
    return absl::OkStatus();
  });
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
  for (int i = 0; i < 40 && !stopped; ++i) {
    f.engine(0).RunDue();
    if (!stopped) f.clock().Advance(absl::Milliseconds(100));
  }
  ASSERT_TRUE(stopped);
  EXPECT_FALSE(f.tenure(0).Lasts());
  EXPECT_EQ(f.requests_seen(), late);
  // Nobody took it: it goes on when the database has heard of the holder again.
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.ca().certificates_issued(), 1);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Several, AHolderWithoutDatabaseStopsBeforeTheOtherBegins) {
  FlowFixture f(SlowCa());
  f.AddIssuer();
  const Order order = StartValidating(f, "www.example.test");
  f.Set(0, Condition::kCutOff);
  f.RunFor(lease::Tenure::kLasts);
  const int heard = f.requests_seen();
  ASSERT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.requests_seen(), heard);
  f.Set(0, Condition::kAwake);
  f.RunFor(absl::Minutes(2));
  EXPECT_EQ(f.requests_seen(), heard);
  EXPECT_EQ(f.ca().orders().size(), 1u);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Several, ACancelAtTheOtherIssuerIsNoticedWithinASecond) {
  FlowFixture f(SlowCa());
  f.AddIssuer();
  const Order order = StartValidating(f, "www.example.test");
  // As a service of the second issuer does it.
  ASSERT_TRUE(f.store()
                  .ChangeOrder(order.id, true,
                               [&](Order& changed) {
                                 changed.state = State::kGivingUp;
                                 changed.ending = State::kCancelled;
                                 changed.due_time = f.clock().Now();
                                 return absl::OkStatus();
                               },
                               {"operator/test", "order.cancel", "", ""})
                  .ok());
  f.engine(1).Wake(order.id);
  f.RunFor(absl::Seconds(1));
  const int heard = f.requests_seen();
  EXPECT_EQ(f.Settle(order.id, absl::Minutes(1)).state, State::kCancelled);
  f.RunFor(absl::Minutes(3));
  EXPECT_EQ(f.requests_seen(), heard);
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_EQ(f.ca().authorizations()[0].status, "deactivated");
}

// Its CSR was stored at an issuer that died before it woke anybody.
TEST(Several, WhatNobodyWasToldOfIsFoundWithinASecond) {
  FlowFixture f;
  f.AddIssuer();
  const Order order = f.Create({"www.example.test"});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  f.RunFor(absl::Seconds(5));
  ASSERT_TRUE(f.store()
                  .ChangeOrder(order.id, true,
                               [&](Order& changed) {
                                 changed.csr = MakeCsr({"www.example.test"}, MakeKey());
                                 changed.finalize_requested = true;
                                 changed.state = State::kFinalizing;
                                 changed.state_time = changed.due_time = f.clock().Now();
                                 return absl::OkStatus();
                               },
                               {"operator/test", "order.finalize", "", ""})
                  .ok());
  EXPECT_EQ(f.Settle(order.id, absl::Seconds(5)).state, State::kDone);
}

TEST(Several, AWatcherHearsWhatTheOtherIssuerDoes) {
  fakes::FakeCaOptions ca;
  ca.validation_polls = 10;
  FlowFixture f(ca);
  f.AddIssuer();
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
  std::set<State> heard;
  absl::Time newest = absl::InfinitePast();
  f.events(1).Subscribe(order.id, [&](const Order& changed) {
    heard.insert(changed.state);
    EXPECT_GT(changed.update_time, newest);
    newest = changed.update_time;
  });
  Follower follower(f.store(), f.events(1), f.clock());
  f.Set(1, Condition::kStopped);
  for (int i = 0; i < 200 && !IsFinal(f.Get(order.id).state); ++i) {
    f.engine(0).RunDue();
    EXPECT_TRUE(follower.Look().ok());
    f.clock().Advance(absl::Milliseconds(500));
    (void)f.tenure(0).Beat();
  }
  ASSERT_TRUE(follower.Look().ok());
  EXPECT_THAT(heard, Contains(State::kPresenting));
  EXPECT_THAT(heard, Contains(State::kDone));
}

TEST(Several, ClocksThatDisagreeDoNotHideWhatIsNewer) {
  Order order;
  order.NoteChange(absl::FromUnixSeconds(1000));
  order.NoteChange(absl::FromUnixSeconds(900));
  EXPECT_EQ(order.update_time, absl::FromUnixSeconds(1000) + absl::Microseconds(1));
}

TEST(Several, ManyOrdersAreEachWorkedOnOnce) {
  FlowFixture f;
  f.AddIssuer();
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i) {
    const std::string name = absl::StrCat("n", i, ".example.test");
    ids.push_back(f.Create({name}, MakeCsr({name}, MakeKey())).id);
    f.engine(i % 2).Wake(ids.back());
  }
  for (const std::string& id : ids) EXPECT_EQ(f.Settle(id).state, State::kDone);
  ASSERT_EQ(f.ca().orders().size(), ids.size());
  for (const fakes::OrderRecord& placed : f.ca().orders()) EXPECT_EQ(placed.finalizes, 1);
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

}  // namespace
}  // namespace norroy::flow
