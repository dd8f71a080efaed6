#include "issuer/flow/withdrawal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::IsEmpty;

constexpr char kWww[] = "www.example.test";

class Withdrawing : public testing::Test {
 protected:
  static challenge::Name NameOf(const std::string& text) { return *challenge::Name::Parse(text); }

  // Validated names; nothing is issued.
  void Prove(const std::vector<std::string>& names) {
    ASSERT_EQ(f_.Settle(f_.Create(names).id).state, State::kWaitingForCsr);
  }
  void TakeGrant(const std::string& name = kWww) { f_.solver().SetPlan(NameOf(name), {}); }
  void GiveGrant(const std::string& name = kWww) {
    f_.solver().SetPlan(NameOf(name), {{ChallengeType::kHttp01, {"web1"}, {}}});
  }
  // Runs the sweeper for so long, as its thread would.
  void Sweep(absl::Duration time) {
    const absl::Time end = f_.clock().Now() + time;
    while (f_.clock().Now() < end) {
      const absl::Duration next = f_.withdrawal().RunDue();
      f_.clock().Advance(std::min(next, end - f_.clock().Now()));
    }
  }
  int Deactivated() {
    int count = 0;
    for (const fakes::AuthorizationRecord& authorization : f_.ca().authorizations()) {
      count += authorization.status == "deactivated";
    }
    return count;
  }
  int Audited(const std::string& action) {
    int64_t count = 0;
    EXPECT_TRUE(f_.database()
                    .Read([&](sql::Connection& connection) -> absl::Status {
                      const auto rows = connection.Query(
                          "SELECT COUNT(*) FROM audit WHERE action = $1", {action});
                      if (rows.ok()) count = rows->front().Int(0);
                      return rows.status();
                    })
                    .ok());
    return static_cast<int>(count);
  }

  FlowFixture f_;
};

TEST_F(Withdrawing, TakesTwoAnswersFiveSecondsApart) {
  Prove({kWww, "other.example.test"});
  TakeGrant();
  f_.withdrawal().RunDue();
  EXPECT_EQ(Deactivated(), 0);
  f_.clock().Advance(absl::Milliseconds(4900));
  f_.withdrawal().RunDue();
  EXPECT_EQ(Deactivated(), 0);
  f_.clock().Advance(absl::Milliseconds(200));
  f_.withdrawal().RunDue();
  EXPECT_EQ(Deactivated(), 1);
  EXPECT_EQ(Audited("authorization.withdraw"), 1);
  EXPECT_EQ(Audited("authorization.deactivate"), 1);
  Sweep(absl::Minutes(5));
  EXPECT_EQ(Deactivated(), 1);
  EXPECT_EQ(Audited("authorization.deactivate"), 1);
  EXPECT_TRUE(f_.store().VerifyAudit().ok());
}

TEST_F(Withdrawing, WithinHalfAMinuteOrSo) {
  Prove({kWww});
  Sweep(absl::Seconds(10));
  TakeGrant();
  Sweep(absl::Seconds(40));
  EXPECT_EQ(Deactivated(), 1);
}

TEST_F(Withdrawing, AGrantThatCameBackSavesTheName) {
  Prove({kWww});
  TakeGrant();
  f_.withdrawal().RunDue();
  GiveGrant();
  Sweep(absl::Minutes(2));
  EXPECT_EQ(Deactivated(), 0);
  // And it is suspected anew.
  TakeGrant();
  Sweep(absl::Seconds(4));
  EXPECT_EQ(Deactivated(), 0);
  Sweep(absl::Seconds(36));
  EXPECT_EQ(Deactivated(), 1);
}

TEST_F(Withdrawing, DoesNothingWhileAValidatorCannotBeAsked) {
  Prove({kWww});
  TakeGrant();
  f_.solver().FailCalls(absl::UnavailableError("validator 127.0.0.1:1 is gone"));
  Sweep(absl::Hours(1));
  EXPECT_EQ(Deactivated(), 0);
  f_.solver().FailCalls(absl::OkStatus());
  f_.withdrawal().RunDue();
  EXPECT_EQ(Deactivated(), 0);
  // Between the two answers too.
  f_.solver().FailCalls(absl::UnavailableError("validator 127.0.0.1:1 is gone"));
  Sweep(absl::Minutes(2));
  EXPECT_EQ(Deactivated(), 0);
  EXPECT_EQ(Audited("authorization.withdraw"), 0);
  f_.solver().FailCalls(absl::OkStatus());
  Sweep(absl::Minutes(1));
  EXPECT_EQ(Deactivated(), 1);
}

TEST_F(Withdrawing, AnAgentThatIsAwayKeepsItsNames) {
  Prove({kWww});
  f_.solver().SetPlan(NameOf(kWww), {{ChallengeType::kHttp01, {}, {"web1"}}});
  Sweep(absl::Minutes(5));
  EXPECT_EQ(Deactivated(), 0);
}

TEST_F(Withdrawing, AsksTheCaSlowly) {
  std::vector<std::string> names;
  for (int i = 0; i < 80; ++i) names.push_back(absl::StrCat("n", i, ".example.test"));
  Prove(names);
  for (const std::string& name : names) TakeGrant(name);
  const int before = f_.ca().count(Endpoint::kAuthorization);
  Sweep(absl::Seconds(50));
  EXPECT_LE(f_.ca().count(Endpoint::kAuthorization) - before, 30);
  EXPECT_GT(Deactivated(), 20);
  Sweep(absl::Minutes(4));
  EXPECT_EQ(Deactivated(), 80);
}

TEST_F(Withdrawing, LeavesACaAloneThatAskedForIt) {
  Prove({kWww});
  TakeGrant();
  ASSERT_TRUE(f_.store().SetHold("ca/fake", f_.clock().Now() + absl::Minutes(10)).ok());
  Sweep(absl::Minutes(9));
  EXPECT_EQ(Deactivated(), 0);
  Sweep(absl::Minutes(2));
  EXPECT_EQ(Deactivated(), 1);
}

TEST_F(Withdrawing, SharesTheHoldThatACaAsksFor) {
  Prove({kWww});
  TakeGrant();
  f_.ca().Script(Endpoint::kAuthorization,
                 Fault::Problem(503, "serverInternal", "maintenance", "600"));
  Sweep(absl::Seconds(30));
  EXPECT_GT(*f_.store().GetHold("ca/fake"), f_.clock().Now() + absl::Minutes(8));
  Sweep(absl::Minutes(12));
  EXPECT_EQ(Deactivated(), 1);
}

TEST_F(Withdrawing, TriesUntilItIsDone) {
  const struct {
    std::string name;
    Fault fault;
    int times;
  } cases[] = {
      {"not sent", Fault::NotSent(), 4},
      {"the reply is lost", Fault::LostReply(), 1},
      {"rate limited", Fault::Problem(429, "rateLimited", "slow down", "30"), 2},
      {"refused, though valid", Fault::Problem(400, "malformed", "no"), 3},
  };
  int done = 0;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string name = absl::StrCat("n", ++done, ".example.test");
    Prove({name});
    TakeGrant(name);
    f_.ca().Script(Endpoint::kAuthorization, c.fault, c.times);
    Sweep(absl::Minutes(30));
    EXPECT_EQ(Deactivated(), done);
    EXPECT_EQ(Audited("authorization.deactivate"), done);
    EXPECT_TRUE(f_.authorizations()
                    .Withdrawn("fake", f_.ca().account_urls()[0], 100, f_.clock().Now())
                    ->empty());
  }
}

TEST_F(Withdrawing, WhatIsOverAlreadyIsForgotten) {
  Prove({kWww});
  TakeGrant();
  f_.ca().SetAuthorizationStatus(kWww, "expired");
  f_.ca().Script(Endpoint::kAuthorization, Fault::Problem(400, "malformed", "not valid"));
  Sweep(absl::Minutes(1));
  EXPECT_TRUE(f_.authorizations().Find("fake", {f_.ca().authorizations()[0].url})->empty());
}

TEST_F(Withdrawing, LooksAtEveryNameInTurn) {
  std::vector<store::Authorization> many;
  for (int i = 0; i < 1250; ++i) {
    many.push_back({.url = absl::StrCat("https://ca.test/authz/x", i),
                    .ca = "fake",
                    .account_url = f_.ca().account_urls()[0],
                    .name = absl::StrCat("n", i, ".example.test"),
                    .expire_time = f_.clock().Now() + absl::Hours(1),
                    .order_id = "",
                    .reason = ""});
  }
  ASSERT_TRUE(f_.authorizations().Note(many).ok());
  TakeGrant("n0.example.test");
  TakeGrant("n999.example.test");  // the last by name
  Sweep(absl::Seconds(20));
  EXPECT_EQ(Audited("authorization.withdraw"), 1);
  Sweep(absl::Seconds(30));
  EXPECT_EQ(Audited("authorization.withdraw"), 2);
}

TEST_F(Withdrawing, AReadyOrderOfTheNameProvesAnewOrEnds) {
  const Order order = f_.Create({kWww});
  ASSERT_EQ(f_.Settle(order.id).state, State::kWaitingForCsr);
  TakeGrant();
  Sweep(absl::Minutes(1));
  ASSERT_EQ(Deactivated(), 1);
  GiveGrant();
  f_.HandIn(order.id, MakeCsr({kWww}, MakeKey()));
  EXPECT_EQ(f_.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f_.ca().authorizations().size(), 2u);
  EXPECT_THAT(f_.ca().violations(), IsEmpty());
}

TEST_F(Withdrawing, RunsByItself) {
  Prove({kWww});
  TakeGrant();
  f_.solver().SetPlan(NameOf(kWww), {});
  ASSERT_GT(*f_.authorizations().Withdraw({kWww}, kNobodyMayAnswer, f_.clock().Now()), 0);
  f_.withdrawal().Start();
  f_.withdrawal().Wake();
  while (Deactivated() == 0) absl::SleepFor(absl::Milliseconds(5));
  f_.withdrawal().Stop();
}

}  // namespace
}  // namespace norroy::flow
