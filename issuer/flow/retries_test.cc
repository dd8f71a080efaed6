// What follows a validation that failed at the CA, and how often the CA may be told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kWww[] = "www.example.test";

challenge::Name NameOf(const std::string& text) { return *challenge::Name::Parse(text); }

// The CA refuses the first `failures` looks; `before` runs before each of them.
void RefuseFirst(FlowFixture& f, int failures, const std::function<void()>& before = {}) {
  const auto left = std::make_shared<int>(failures);
  f.ca().SetValidator([&f, left, before](const fakes::Attempt& attempt) {
    if (*left > 0) {
      --*left;
      if (before) before();
      return absl::NotFoundError("connection refused");
    }
    return f.solver().Served(attempt.token) == attempt.key_authorization
               ? absl::OkStatus()
               : absl::NotFoundError("not served");
  });
}

struct RetryCase {
  std::string name;
  Grade grade;
  types::v1::Verdict seen;
  int failures;
  int limit;  // of failures a name and hour
  State end;
  size_t ca_orders;
};

TEST(Retries, WhatOurOwnLookHadSeenIsTriedAgain) {
  const std::vector<RetryCase> cases = {
      {"once", Grade::kAdvise, types::v1::VERDICT_PASS, 1, 3, State::kDone, 2},
      {"twice", Grade::kAdvise, types::v1::VERDICT_PASS, 2, 3, State::kDone, 3},
      {"gate", Grade::kGate, types::v1::VERDICT_PASS, 1, 3, State::kDone, 2},
      {"three times", Grade::kAdvise, types::v1::VERDICT_PASS, 3, 9, State::kFailed, 3},
      {"within the guard", Grade::kAdvise, types::v1::VERDICT_PASS, 2, 2, State::kFailed, 2},
      {"a guard of one", Grade::kAdvise, types::v1::VERDICT_PASS, 1, 1, State::kFailed, 1},
      {"nobody looked", Grade::kOff, types::v1::VERDICT_PASS, 1, 3, State::kFailed, 1},
      {"nobody saw it", Grade::kAdvise, types::v1::VERDICT_UNKNOWN, 1, 3, State::kFailed, 1},
      {"it was not there", Grade::kAdvise, types::v1::VERDICT_FAIL, 1, 3, State::kFailed, 1},
  };
  for (const RetryCase& c : cases) {
    SCOPED_TRACE(c.name);
    FlowFixture f;
    store::Limits limits;
    limits.failures_per_name_per_hour = c.limit;
    f.Configure(FlowFixture::All(c.grade), limits);
    f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, {{solver::ViewOf(c.seen)}});
    RefuseFirst(f, c.failures);
    const absl::Time begin = f.clock().Now();
    const Order order = f.Create({kWww}, MakeCsr({kWww}, MakeKey()));
    const Order end = f.Settle(order.id);
    EXPECT_EQ(end.state, c.end) << end.waiting_for;
    EXPECT_LE(f.clock().Now() - begin, absl::Seconds(5));
    EXPECT_EQ(f.ca().orders().size(), c.ca_orders);
    EXPECT_EQ(f.solver().served_count(), 0);
    EXPECT_THAT(f.ca().violations(), IsEmpty());
    if (c.end != State::kFailed) continue;
    EXPECT_EQ(end.error->reason, "VALIDATION_FAILED");
    EXPECT_THAT(end.error->message, HasSubstr("connection refused"));
  }
}

TEST(Retries, APresentationThatWasNotWholeIsTriedAgain) {
  FlowFixture f;
  f.Configure(FlowFixture::All(Grade::kOff));
  std::string id;
  RefuseFirst(f, 1, [&] { f.solver().Reattach(id); });
  id = f.Create({kWww}, MakeCsr({kWww}, MakeKey())).id;
  EXPECT_EQ(f.Settle(id).state, State::kDone);
  EXPECT_EQ(f.ca().orders().size(), 2u);
}

TEST(Retries, AnAgentThatIsGoneIsWaitedFor) {
  FlowFixture f;
  f.Configure(FlowFixture::All(Grade::kOff));
  RefuseFirst(f, 1, [&] {
    f.solver().SetPlan(NameOf(kWww), {{ChallengeType::kHttp01, {}, {"web1"}}});
  });
  const Order order = f.Create({kWww}, MakeCsr({kWww}, MakeKey()));
  f.RunFor(absl::Seconds(20));
  EXPECT_EQ(f.Get(order.id).state, State::kQueued);
  EXPECT_EQ(f.Get(order.id).waiting_for, "agent web1");
  EXPECT_EQ(f.solver().served_count(), 0);
  f.solver().SetPlan(NameOf(kWww), {{ChallengeType::kHttp01, {"web1"}, {}}});
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.ca().orders().size(), 2u);
}

TEST(Retries, OfSeveralNamesEachMustHaveAReason) {
  FlowFixture f;
  f.solver().looks().Show(NameOf("bad.example.test"), ChallengeType::kHttp01,
                          {{solver::ViewOf(types::v1::VERDICT_FAIL, "PORT_CLOSED")}});
  RefuseFirst(f, 2);
  const Order order = f.Create({kWww, "bad.example.test"});
  EXPECT_EQ(f.Settle(order.id).state, State::kFailed);
  EXPECT_EQ(f.ca().orders().size(), 1u);
}

// Another order with the same name failed while this one was being presented.
TEST(Retries, TheGuardHoldsJustBeforeTheCaIsTold) {
  FlowFixture f;
  f.solver().SetAutoReady(false);
  const Order order = f.Create({kWww, "other.example.test"});
  f.RunFor(absl::Seconds(5));
  ASSERT_EQ(f.Get(order.id).state, State::kPresenting);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(f.store()
                    .NoteFailure(order, NameOf(kWww), absl::StrCat("https://ca.test/a/", i),
                                 f.clock().Now())
                    .ok());
  }
  f.solver().MakeReady(order.id);
  f.solver().SetAutoReady(true);
  f.RunFor(absl::Minutes(30));
  EXPECT_EQ(f.Get(order.id).state, State::kQueued);
  EXPECT_THAT(f.Get(order.id).waiting_for, HasSubstr("limit"));
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 0);
  EXPECT_EQ(f.solver().served_count(), 0);
  // The hour is over: the same CA order goes on.
  EXPECT_EQ(f.Settle(order.id, absl::Hours(1)).state, State::kWaitingForCsr);
  EXPECT_EQ(f.ca().orders().size(), 1u);
}

// Orders for different sets that share a name: no more are told than may fail.
TEST(Retries, OrdersThatShareANameWaitForEachOther) {
  FlowFixture f({.reuse_authorizations = false});
  store::Limits limits;
  limits.failures_per_name_per_hour = 2;
  f.Configure(FlowFixture::All(Grade::kOff), limits);
  f.solver().SetAutoReady(false);
  std::vector<std::string> ids;
  for (const char* const other : {"a", "b", "c", "d"}) {
    ids.push_back(f.Create({kWww, absl::StrCat(other, ".example.test")}).id);
  }
  f.RunFor(absl::Seconds(2));
  RefuseFirst(f, 100);
  f.solver().SetAutoReady(true);
  for (const std::string& id : ids) f.solver().MakeReady(id);
  f.RunFor(absl::Minutes(2));
  int failed = 0;
  for (const std::string& id : ids) failed += f.Get(id).state == State::kFailed ? 1 : 0;
  EXPECT_EQ(failed, 2);
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 4);
  // Those that waited go on when there is room.
  RefuseFirst(f, 0);
  for (const std::string& id : ids) {
    const Order end = f.Settle(id, absl::Hours(2));
    EXPECT_TRUE(end.state == State::kFailed || end.state == State::kWaitingForCsr)
        << StateName(end.state) << " " << end.waiting_for;
  }
  EXPECT_EQ(f.solver().served_count(), 0);
}

// Killed when the CA had been told of one name of two; meanwhile the other one's limit was reached.
TEST(Retries, WhatTheCaWasToldStaysServed) {
  for (int n = 1;; ++n) {
    FlowFixture f({.validation_polls = 20});
    f.Configure(FlowFixture::All(Grade::kOff));
    const Order order = f.Create({kWww, "b.example.test"});
    f.KillAtRequest(n, true);
    f.Settle(order.id);
    ASSERT_TRUE(f.killed());
    if (f.ca().count(fakes::Endpoint::kChallenge) == 0) continue;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(f.store()
                      .NoteFailure(order, f.Get(order.id).progress[1].name,
                                   absl::StrCat("https://ca.test/a/", i), f.clock().Now())
                      .ok());
    }
    f.Restart();
    // The dead one's lease ends first.
    f.RunFor(absl::Seconds(150));
    const Order waiting = f.Get(order.id);
    EXPECT_EQ(waiting.state, State::kValidating);
    EXPECT_THAT(waiting.waiting_for, HasSubstr("a limit for others"));
    EXPECT_EQ(f.solver().served_count(), 2);
    EXPECT_THAT(f.solver().released(), IsEmpty());
    // The verdict is in: the other name waits like any.
    f.RunFor(absl::Minutes(15));
    EXPECT_EQ(f.Get(order.id).state, State::kQueued);
    EXPECT_EQ(f.solver().served_count(), 0);
    EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 1);
    EXPECT_EQ(f.Settle(order.id, absl::Hours(2)).state, State::kWaitingForCsr);
    EXPECT_EQ(f.ca().orders().size(), 1u);
    EXPECT_THAT(f.ca().violations(), IsEmpty());
    return;
  }
}

// kill -9 around every request of an issuance that needs a second CA order.
TEST(Retries, SurviveAKillAtEveryRequest) {
  for (const bool after : {false, true}) {
    for (int n = 1;; ++n) {
      FlowFixture f;
      RefuseFirst(f, 1);
      const Order order = f.Create({kWww}, MakeCsr({kWww}, MakeKey()));
      f.KillAtRequest(n, after);
      f.Settle(order.id);
      if (!f.killed()) {
        EXPECT_GT(n, 9);
        break;
      }
      f.Restart();
      const Order end = f.Settle(order.id);
      // Whoever dies between the verdict and its note may not know that its own look had passed.
      const bool fair = end.state == State::kDone || end.state == State::kFailed;
      ASSERT_TRUE(fair) << "request " << n << ": " << end.waiting_for;
      EXPECT_LE(f.ca().certificates_issued(), 1) << n;
      EXPECT_LE(f.ca().orders().size(), 3u) << n;
      EXPECT_EQ(f.solver().served_count(), 0) << n;
      EXPECT_THAT(f.ca().violations(), IsEmpty()) << n;
    }
  }
}

}  // namespace
}  // namespace norroy::flow
