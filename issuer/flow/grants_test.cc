// A certificate needs a challenge grant for every name at the moment of finalize, whatever the CA
// would reuse; and what another order's proof means for an order that shares it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kWww[] = "www.example.test";

challenge::Name NameOf(const std::string& text) { return *challenge::Name::Parse(text); }
std::string CsrFor(const std::vector<std::string>& names) { return MakeCsr(names, MakeKey()); }

void Withdraw(FlowFixture& f, const std::string& name = kWww) {
  f.solver().SetPlan(NameOf(name), {});
}

int Marked(FlowFixture& f) {
  const std::string account = f.ca().account_urls()[0];
  return static_cast<int>(
      f.authorizations().Withdrawn("fake", account, 100, f.clock().Now())->size());
}

std::string Reason(const Order& order) {
  return order.error.has_value() ? order.error->reason : "";
}

TEST(Grants, AColdOrderCostsTheCaWhatItDid) {
  FlowFixture f;
  const size_t before = f.ca().requests().size();
  const Order order = f.Create({kWww}, CsrFor({kWww}));
  ASSERT_EQ(f.Settle(order.id).state, State::kDone);
  std::vector<Endpoint> sent;
  const std::vector<fakes::RequestRecord> requests = f.ca().requests();
  for (size_t i = before; i < requests.size(); ++i) sent.push_back(requests[i].endpoint);
  EXPECT_EQ(sent, (std::vector<Endpoint>{Endpoint::kNewOrder, Endpoint::kAuthorization,
                                         Endpoint::kChallenge, Endpoint::kOrder,
                                         Endpoint::kFinalize, Endpoint::kCertificate}));
  EXPECT_EQ(f.solver().plan_calls(), 1);
}

TEST(Grants, AWarmOrderAsksTheCaForNoAuthorization) {
  FlowFixture f;
  const std::vector<std::string> names = {"a.example.test", "b.example.test"};
  ASSERT_EQ(f.Settle(f.Create(names).id).state, State::kWaitingForCsr);
  const int read = f.ca().count(Endpoint::kAuthorization);
  ASSERT_EQ(f.Settle(f.Create(names, CsrFor(names)).id).state, State::kDone);
  EXPECT_EQ(f.ca().count(Endpoint::kAuthorization), read);
  EXPECT_EQ(f.authorizations().Names("", 10, f.clock().Now())->size(), 2u);
}

// Authorizations that no order of ours left behind are learnt once.
TEST(Grants, WhatTheCaHasFromElsewhereIsLearnt) {
  FlowFixture f;
  const std::vector<std::string> names = {"a.example.test", "b.example.test"};
  ASSERT_EQ(f.Settle(f.Create(names).id).state, State::kWaitingForCsr);
  ASSERT_GT(*f.authorizations().Prune(absl::InfiniteFuture()), 0);
  const Order order = f.Create(names, CsrFor(names));
  ASSERT_EQ(f.Settle(order.id).state, State::kDone);
  const auto known = f.authorizations().Names("", 10, f.clock().Now());
  EXPECT_EQ(*known, names);
  // The CA said until when.
  EXPECT_TRUE(f.authorizations().Names("", 10, f.clock().Now() + absl::Hours(24 * 31))->empty());
}

TEST(Grants, ASplitOrderIsRefusedWhenNobodyMayAnswerAnyMore) {
  FlowFixture f;
  const Order order = f.Create({kWww, "other.example.test"});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  f.clock().Advance(absl::Hours(24 * 3));
  Withdraw(f);
  f.HandIn(order.id, CsrFor({kWww, "other.example.test"}));
  const Order refused = f.Settle(order.id);
  EXPECT_EQ(refused.state, State::kFailed);
  EXPECT_EQ(Reason(refused), "NO_RESPONDER");
  EXPECT_THAT(refused.error->message, HasSubstr(kWww));
  EXPECT_EQ(refused.error->metadata.at("name"), kWww);
  EXPECT_EQ(f.ca().count(Endpoint::kFinalize), 0);
  // Its authorization goes, that of the other name stays.
  EXPECT_EQ(f.woken(), 1);
  f.withdrawal().RunDue();
  for (const fakes::AuthorizationRecord& authorization : f.ca().authorizations()) {
    EXPECT_EQ(authorization.status, authorization.name == kWww ? "deactivated" : "valid");
  }
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Grants, AnOrderOverReusedAuthorizationsIsRefused) {
  FlowFixture f;
  ASSERT_EQ(f.Settle(f.Create({kWww}).id).state, State::kWaitingForCsr);
  Withdraw(f);
  const int orders = f.ca().count(Endpoint::kNewOrder);
  const Order refused = f.Settle(f.Create({kWww}, CsrFor({kWww})).id);
  EXPECT_EQ(refused.state, State::kFailed);
  EXPECT_EQ(Reason(refused), "NO_RESPONDER");
  EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), orders);
  f.withdrawal().RunDue();
  EXPECT_EQ(f.ca().authorizations()[0].status, "deactivated");
}

TEST(Grants, EveryNameThatNobodyMayAnswerForIsNamed) {
  FlowFixture f;
  std::vector<std::string> names;
  for (int i = 10; i < 22; ++i) {
    names.push_back(absl::StrCat("n", i, ".example.test"));
    Withdraw(f, names.back());
  }
  const Order refused = f.Settle(f.Create(names).id);
  EXPECT_EQ(Reason(refused), "NO_RESPONDER");
  EXPECT_THAT(refused.error->message, HasSubstr("n10.example.test, n11.example.test"));
  EXPECT_THAT(refused.error->message, HasSubstr("n19.example.test and 2 more"));
}

// Wherever an order waited since it was asked last who may answer.
TEST(Grants, AreAskedForAgainAfterEveryWait) {
  struct Case {
    std::string name;
    // Leads an order to where it waits.
    std::function<void(FlowFixture&)> wait;
    absl::Duration then;
  };
  const Fault away = Fault::Problem(503, "serverInternal", "maintenance", "3600");
  const std::vector<Case> cases = {
      {"newOrder could not be sent",
       [&](FlowFixture& f) { f.ca().Script(Endpoint::kNewOrder, away); }, absl::Hours(2)},
      {"finalize could not be sent",
       [&](FlowFixture& f) { f.ca().Script(Endpoint::kFinalize, away); }, absl::Hours(2)},
      {"the week's certificates were used up",
       [](FlowFixture& f) {
         store::Limits limits;
         limits.certificates_per_set_per_week = 1;
         f.Configure({}, limits);
       },
       absl::Hours(24 * 5)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FlowFixture f;
    ASSERT_EQ(f.Settle(f.Create({kWww}, CsrFor({kWww})).id).state, State::kDone);
    f.clock().Advance(absl::Hours(24 * 3));
    const Order order = f.Create({kWww});
    ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
    const int issued = f.ca().certificates_issued();
    c.wait(f);
    const Order second =
        c.name == "newOrder could not be sent" ? f.Create({kWww}, CsrFor({kWww})) : order;
    if (second.id == order.id) f.HandIn(order.id, CsrFor({kWww}));
    f.RunFor(absl::Minutes(1));
    ASSERT_FALSE(IsFinal(f.Get(second.id).state)) << f.Get(second.id).error->message;
    Withdraw(f);
    f.clock().Advance(c.then);
    const Order refused = f.Settle(second.id, absl::Hours(1));
    EXPECT_EQ(refused.state, State::kFailed) << refused.waiting_for;
    EXPECT_EQ(Reason(refused), "NO_RESPONDER");
    EXPECT_EQ(f.ca().certificates_issued(), issued);
    EXPECT_GT(Marked(f), 0);
  }
}

// RetryOrder begins in QUEUED again.
TEST(Grants, ARetriedOrderAsksAgain) {
  FlowFixture f;
  ASSERT_EQ(f.Settle(f.Create({kWww}).id).state, State::kWaitingForCsr);
  Withdraw(f);
  const Order order = f.Create({kWww}, CsrFor({kWww}));
  ASSERT_EQ(f.Settle(order.id).state, State::kFailed);
  const auto retry = [&] {
    ASSERT_TRUE(f.store()
                    .ChangeOrder(order.id, true,
                                 [&](Order& changed) {
                                   changed.state = State::kQueued;
                                   changed.due_time = f.clock().Now();
                                   changed.error.reset();
                                   return absl::OkStatus();
                                 },
                                 {"operator/test", "order.retry", "order/" + order.id})
                    .ok());
    f.engine().Wake(order.id);
  };
  retry();
  EXPECT_EQ(Reason(f.Settle(order.id)), "NO_RESPONDER");
  f.solver().SetPlan(NameOf(kWww), {{ChallengeType::kHttp01, {"web1"}, {}}});
  f.withdrawal().RunDue();
  retry();
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  // What was withdrawn was proved anew.
  EXPECT_EQ(f.ca().authorizations().size(), 2u);
}

TEST(Grants, WhatMayHaveBeenIssuedIsFetchedAllTheSame) {
  FlowFixture f;
  const Order order = f.Create({kWww});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  f.ca().Script(Endpoint::kFinalize, Fault::LostReply());
  f.HandIn(order.id, CsrFor({kWww}));
  f.engine().RunDue();
  ASSERT_EQ(f.Get(order.id).state, State::kFinalizing);
  ASSERT_EQ(f.ca().certificates_issued(), 1);
  Withdraw(f);
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
}

TEST(Grants, AnAgentThatIsAwayIsNotAnAgentThatMayNot) {
  FlowFixture f;
  const Order order = f.Create({kWww});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  f.solver().SetPlan(NameOf(kWww), {{ChallengeType::kHttp01, {}, {"web1"}}});
  f.HandIn(order.id, CsrFor({kWww}));
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  f.withdrawal().RunDue();
  EXPECT_EQ(f.ca().authorizations()[0].status, "valid");
}

TEST(Grants, NothingIsFinalizedWhileNobodyCanBeAsked) {
  FlowFixture f;
  const Order order = f.Create({kWww});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  f.solver().FailCalls(absl::UnavailableError("no validator"));
  f.HandIn(order.id, CsrFor({kWww}));
  f.RunFor(absl::Minutes(2));
  EXPECT_EQ(f.Get(order.id).state, State::kFinalizing);
  EXPECT_EQ(f.ca().count(Endpoint::kFinalize), 0);
  EXPECT_EQ(Marked(f), 0);
  f.solver().FailCalls(absl::OkStatus());
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
}

// Two orders of ours share a pending authorization: the CA was told by the other one.
TEST(SharedAuthorizations, ARefusedAnswerIsNoVerdict) {
  const Fault refused = Fault::Problem(400, "malformed", "the challenge is not pending");
  Fault acted = refused;
  acted.act_first = true;
  struct Case {
    std::string name;
    Fault fault;
    int times;
    bool serves;
    State end;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {"it became valid", acted, 1, true, State::kDone, ""},
      {"it became invalid", acted, 1, false, State::kFailed, "VALIDATION_FAILED"},
      {"it is pending: tried later", refused, 2, true, State::kDone, ""},
      {"it stays pending", refused, 3, true, State::kFailed, "CA_REFUSED"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FlowFixture f;
    f.Configure(FlowFixture::All(Grade::kOff));
    f.ca().SetValidator([&](const fakes::Attempt&) {
      return c.serves ? absl::OkStatus() : absl::NotFoundError("404");
    });
    f.ca().Script(Endpoint::kChallenge, c.fault, c.times);
    const Order order = f.Create({kWww}, CsrFor({kWww}));
    const Order ended = f.Settle(order.id);
    EXPECT_EQ(ended.state, c.end) << Reason(ended) << " " << ended.waiting_for;
    EXPECT_EQ(Reason(ended), c.reason);
    EXPECT_THAT(f.ca().violations(), IsEmpty());
  }
}

TEST(SharedAuthorizations, TheOthersProofIsWaitedFor) {
  fakes::FakeCaOptions options;
  options.validation_polls = 3;
  FlowFixture f(options);
  Fault told = Fault::Problem(400, "malformed", "the challenge is not pending");
  told.act_first = true;
  f.ca().Script(Endpoint::kChallenge, told);
  const Order order = f.Create({kWww}, CsrFor({kWww}));
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.ca().authorizations()[0].attempts, 1);
}

TEST(SharedAuthorizations, OneThatWasTakenAwayIsProvedAnew) {
  fakes::FakeCaOptions options;
  options.validation_polls = 1000;
  FlowFixture f(options);
  const Order order = f.Create({kWww}, CsrFor({kWww}));
  f.RunFor(absl::Seconds(5));
  ASSERT_EQ(f.ca().count(Endpoint::kChallenge), 1);
  f.ca().SetAuthorizationStatus(kWww, "deactivated");
  f.ca().Change([](fakes::FakeCaOptions& changed) { changed.validation_polls = 0; });
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.ca().authorizations().size(), 2u);
}

}  // namespace
}  // namespace norroy::flow
