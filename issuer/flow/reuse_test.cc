// Grants that say "reuse: never": every name is proved for the order that wants it, and nothing is
// left behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {
namespace {

using fakes::Endpoint;
using fakes::Fault;
using ::testing::Each;
using ::testing::IsEmpty;

constexpr char kWww[] = "www.example.test";

std::string CsrFor(const std::vector<std::string>& names) { return MakeCsr(names, MakeKey()); }

std::vector<std::string> StatusesOf(FlowFixture& f, const std::string& name) {
  std::vector<std::string> statuses;
  for (const fakes::AuthorizationRecord& authorization : f.ca().authorizations()) {
    if (authorization.name == name) statuses.push_back(authorization.status);
  }
  return statuses;
}

using Texts = std::vector<std::string>;

TEST(ReuseNever, ProvesEveryNameForTheOrder) {
  for (const bool reuse_orders : {true, false}) {
    SCOPED_TRACE(reuse_orders);
    fakes::FakeCaOptions options;
    options.reuse_orders = reuse_orders;
    FlowFixture f(options);
    ASSERT_EQ(f.Settle(f.Create({kWww}).id).state, State::kWaitingForCsr);
    const Order order = f.Create({kWww}, CsrFor({kWww}), true);
    const Order done = f.Settle(order.id);
    ASSERT_EQ(done.state, State::kDone) << (done.error ? done.error->message : done.waiting_for);
    EXPECT_EQ(StatusesOf(f, kWww), (Texts{"deactivated", "valid"}));
    EXPECT_EQ(done.discarded_orders.size(), 1u);
    // Its own goes with it.
    EXPECT_EQ(f.woken(), 1);
    f.withdrawal().RunDue();
    EXPECT_EQ(StatusesOf(f, kWww), (Texts{"deactivated", "deactivated"}));
    EXPECT_THAT(f.ca().violations(), IsEmpty());
  }
}

TEST(ReuseNever, AColdOrderCostsNothingMore) {
  FlowFixture f;
  const size_t before = f.ca().requests().size();
  ASSERT_EQ(f.Settle(f.Create({kWww}, CsrFor({kWww}), true).id).state, State::kDone);
  EXPECT_EQ(f.ca().requests().size() - before, 6u);
}

TEST(ReuseNever, WhereSomeNamesWereValid) {
  FlowFixture f;
  ASSERT_EQ(f.Settle(f.Create({"a.example.test"}).id).state, State::kWaitingForCsr);
  const std::vector<std::string> names = {"a.example.test", "b.example.test"};
  const Order done = f.Settle(f.Create(names, CsrFor(names), true).id);
  ASSERT_EQ(done.state, State::kDone) << (done.error ? done.error->message : done.waiting_for);
  EXPECT_EQ(StatusesOf(f, "a.example.test"), (Texts{"deactivated", "valid"}));
  f.withdrawal().RunDue();
  EXPECT_THAT(StatusesOf(f, "a.example.test"), Each("deactivated"));
  EXPECT_THAT(StatusesOf(f, "b.example.test"), Each("deactivated"));
}

// One order may take two CA orders; it takes only one of the two tries in an hour.
TEST(ReuseNever, OurReplacementTakesNoTry) {
  fakes::FakeCaOptions options;
  options.reuse_orders = false;
  FlowFixture f(options);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(f.Settle(f.Create({"a.example.test"}).id, absl::Minutes(1)).state,
              State::kWaitingForCsr);
    f.clock().Advance(absl::Minutes(31));
    const Order order = f.Create({"a.example.test"}, CsrFor({"a.example.test"}), true);
    const Order done = f.Settle(order.id, absl::Minutes(1));
    ASSERT_EQ(done.state, State::kDone) << done.waiting_for;
    EXPECT_EQ(done.discarded_orders.size(), 1u);
    f.clock().Advance(absl::Minutes(31));
  }
}

TEST(ReuseNever, ACaThatKeepsReusingIsNotPressed) {
  for (const bool reuse_orders : {true, false}) {
    SCOPED_TRACE(reuse_orders);
    fakes::FakeCaOptions options;
    options.reuse_orders = reuse_orders;
    FlowFixture f(options);
    ASSERT_EQ(f.Settle(f.Create({kWww}).id).state, State::kWaitingForCsr);
    const int before = f.ca().count(Endpoint::kNewOrder);
    // It says that it deactivated them, and has not.
    f.ca().Script(Endpoint::kAuthorization, Fault::Reply(200, "application/json", "{}"), 10);
    const Order failed = f.Settle(f.Create({kWww}, CsrFor({kWww}), true).id);
    EXPECT_EQ(failed.state, State::kFailed);
    ASSERT_TRUE(failed.error.has_value());
    EXPECT_EQ(failed.error->reason, "AUTHORIZATION_REUSED");
    EXPECT_LE(f.ca().count(Endpoint::kNewOrder) - before, 3);
    EXPECT_EQ(f.ca().certificates_issued(), 0);
  }
}

// Killed before or after any of its requests, it comes to the same end, with no more CA orders than
// deaths and replacements make.
TEST(ReuseNever, SurvivesEveryKill) {
  for (int at = 1; at <= 12; ++at) {
    for (const bool after : {false, true}) {
      SCOPED_TRACE(absl::StrCat("request ", at, after ? ", reply lost" : ""));
      FlowFixture f;
      ASSERT_EQ(f.Settle(f.Create({kWww}).id).state, State::kWaitingForCsr);
      const int before = f.ca().count(Endpoint::kNewOrder);
      const Order order = f.Create({kWww}, CsrFor({kWww}), true);
      f.KillAtRequest(at, after);
      f.Settle(order.id, absl::Minutes(1));
      if (!f.killed()) break;
      f.Restart();
      f.clock().Advance(absl::Minutes(3));
      const Order done = f.Settle(order.id);
      ASSERT_EQ(done.state, State::kDone) << done.waiting_for;
      EXPECT_LE(f.ca().count(Endpoint::kNewOrder) - before, 4);
      f.withdrawal().RunDue();
      EXPECT_THAT(StatusesOf(f, kWww), Each("deactivated"));
      EXPECT_THAT(f.ca().violations(), IsEmpty());
    }
  }
}

TEST(ReuseNever, WhateverTheEnd) {
  FlowFixture f;
  // Cancelled when READY.
  const Order ready = f.Create({kWww}, "", true);
  ASSERT_EQ(f.Settle(ready.id).state, State::kWaitingForCsr);
  f.withdrawal().RunDue();
  EXPECT_EQ(StatusesOf(f, kWww), Texts{"valid"});
  f.Cancel(ready.id);
  ASSERT_EQ(f.Settle(ready.id).state, State::kCancelled);
  f.withdrawal().RunDue();
  EXPECT_EQ(StatusesOf(f, kWww), Texts{"deactivated"});

  // Cancelled while the CA is away.
  f.solver().SetAutoReady(false);
  const Order presenting = f.Create({"a.example.test", "b.example.test"}, "", true);
  f.RunFor(absl::Seconds(5));
  ASSERT_EQ(f.Get(presenting.id).state, State::kPresenting);
  f.ca().Script(Endpoint::kAuthorization, Fault::NotSent());
  f.Cancel(presenting.id);
  ASSERT_EQ(f.Settle(presenting.id).state, State::kCancelled);
  f.withdrawal().RunDue();
  EXPECT_EQ(StatusesOf(f, "a.example.test"), Texts{"deactivated"});
  EXPECT_EQ(StatusesOf(f, "b.example.test"), Texts{"deactivated"});
}

// Its READY order keeps its own through everything that happens to the CA's order.
TEST(ReuseNever, ItsOwnAreNoneOfEarlierOrders) {
  fakes::FakeCaOptions options;
  options.validation_polls = 2;
  FlowFixture f(options);
  const std::vector<std::string> names = {"a.example.test", "b.example.test"};
  const Order order = f.Create(names, "", true);
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  EXPECT_TRUE(f.Get(order.id).fresh);
  f.clock().Advance(absl::Hours(30));
  f.HandIn(order.id, CsrFor(names));
  const Order done = f.Settle(order.id);
  ASSERT_EQ(done.state, State::kDone);
  EXPECT_TRUE(done.discarded_orders.empty());
  EXPECT_EQ(f.ca().orders().size(), 1u);
}

TEST(ReuseNever, OtherOrdersReuseAsBefore) {
  FlowFixture f;
  ASSERT_EQ(f.Settle(f.Create({kWww}).id).state, State::kWaitingForCsr);
  ASSERT_EQ(f.Settle(f.Create({kWww}, CsrFor({kWww})).id).state, State::kDone);
  EXPECT_EQ(StatusesOf(f, kWww), Texts{"valid"});
  EXPECT_EQ(f.woken(), 0);
  f.withdrawal().RunDue();
  EXPECT_EQ(StatusesOf(f, kWww), Texts{"valid"});
}

}  // namespace
}  // namespace norroy::flow
