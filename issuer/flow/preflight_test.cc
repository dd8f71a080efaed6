// What viewpoints saw, and what the CA was told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;
using solver::ViewOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using types::v1::VERDICT_FAIL;
using types::v1::VERDICT_PASS;
using types::v1::VERDICT_UNKNOWN;
using types::v1::VERDICT_WAIT;

constexpr char kWww[] = "www.example.test";

challenge::Name NameOf(const std::string& text) { return *challenge::Name::Parse(text); }

using Rounds = std::vector<solver::FakeLooks::Views>;

Rounds Pass() { return {{ViewOf(VERDICT_PASS)}}; }
Rounds Fail() { return {{ViewOf(VERDICT_FAIL, "PORT_CLOSED")}}; }
Rounds Unknown() { return {{ViewOf(VERDICT_UNKNOWN, "ADDRESS_NOT_ALLOWED")}}; }
Rounds Wait(const std::string& code = "NEGATIVE_CACHED") {
  return {{ViewOf(VERDICT_WAIT, code, "validator-1", 10'000)}};
}
Rounds operator+(Rounds a, const Rounds& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct GradeCase {
  std::string name;
  Grade grade;
  Rounds rounds;
  size_t looks;            // when the CA was told
  absl::Duration at_most;  // until it was told
  std::string last_code;   // of the view that is kept
};

TEST(Preflight, TellsTheCaAsTheGradeSays) {
  const std::vector<GradeCase> cases = {
      {"off", Grade::kOff, Fail(), 0, absl::Seconds(1), ""},
      {"advise, pass", Grade::kAdvise, Pass(), 1, absl::Seconds(1), ""},
      {"advise, fail", Grade::kAdvise, Fail(), 2, absl::Seconds(3), "PORT_CLOSED"},
      {"advise, fail once", Grade::kAdvise, Fail() + Pass(), 2, absl::Seconds(3), ""},
      {"advise, unknown", Grade::kAdvise, Unknown(), 1, absl::Seconds(1), "ADDRESS_NOT_ALLOWED"},
      {"advise, wait", Grade::kAdvise, Wait() + Pass(), 2, absl::Seconds(11), ""},
      {"advise, lagging", Grade::kAdvise, Wait("LAGGING_SERVER") + Pass(), 3, absl::Seconds(16),
       ""},
      {"advise, for ever", Grade::kAdvise, Wait(), 13, absl::Seconds(121), "NEGATIVE_CACHED"},
      {"gate, pass", Grade::kGate, Pass(), 1, absl::Seconds(1), ""},
      {"gate, wait", Grade::kGate, Wait() + Wait() + Pass(), 3, absl::Seconds(21), ""},
      {"gate, lagging", Grade::kGate, Wait("LAGGING_SERVER") + Pass(), 3, absl::Seconds(16), ""},
      {"gate, mended", Grade::kGate, Fail() + Pass(), 2, absl::Seconds(3), ""},
      {"gate, unknown once", Grade::kGate, Unknown() + Pass(), 2, absl::Seconds(3), ""},
  };
  for (const GradeCase& c : cases) {
    SCOPED_TRACE(c.name);
    FlowFixture f;
    f.Configure(FlowFixture::All(c.grade));
    f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, c.rounds);
    const absl::Time begin = f.clock().Now();
    const Order order = f.Create({kWww}, MakeCsr({kWww}, MakeKey()));
    const Order done = f.Settle(order.id);
    ASSERT_EQ(done.state, State::kDone) << done.waiting_for;
    EXPECT_EQ(f.solver().looks().asked().size(), c.looks);
    EXPECT_LE(f.clock().Now() - begin, c.at_most);
    EXPECT_EQ(f.ca().orders().size(), 1u);
    EXPECT_EQ(f.solver().served_count(), 0);
    const std::vector<types::v1::View>& views = done.progress[0].views;
    ASSERT_EQ(views.size(), c.looks == 0 ? 0u : 1u);
    if (c.last_code.empty()) continue;
    ASSERT_EQ(views[0].findings_size(), 1);
    EXPECT_EQ(views[0].findings(0).code(), c.last_code);
  }
}

TEST(Preflight, AGateKeepsTheOrderFromTheCa) {
  const struct {
    std::string name;
    Rounds rounds;
    absl::Duration after;
    std::string reason;
    std::string code;
  } cases[] = {
      {"fail", Fail(), absl::Minutes(2), "PREFLIGHT_FAILED", "PORT_CLOSED"},
      {"unknown", Unknown(), absl::Minutes(2), "PREFLIGHT_UNKNOWN", "ADDRESS_NOT_ALLOWED"},
      {"never there", Wait(), absl::Minutes(10) + absl::Seconds(1), "PREFLIGHT_FAILED",
       "NEGATIVE_CACHED"},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    FlowFixture f;
    f.Configure(FlowFixture::All(Grade::kGate));
    f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, row.rounds);
    const Order order = f.Create({kWww, "ok.example.test"});
    f.RunFor(row.after);
    const Order waiting = f.Get(order.id);
    EXPECT_FALSE(IsFinal(waiting.state));
    ASSERT_TRUE(waiting.error.has_value()) << waiting.waiting_for;
    EXPECT_EQ(waiting.error->reason, row.reason);
    EXPECT_THAT(waiting.error->message, HasSubstr(kWww));
    EXPECT_THAT(waiting.error->message, HasSubstr("seen: " + row.code));
    EXPECT_THAT(waiting.error->message, HasSubstr("mend " + row.code));
    EXPECT_EQ(waiting.error->metadata.at("name"), kWww);
    EXPECT_GE(waiting.attempt, 1);
    EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 0);
    EXPECT_EQ(f.ca().orders().size(), 1u);
    EXPECT_EQ(f.solver().served_count(), 0);
    EXPECT_FALSE(f.solver().released().empty());
    EXPECT_THAT(f.ca().violations(), IsEmpty());
    // Mended: the same CA order goes on.
    f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, Pass());
    EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
    EXPECT_EQ(f.ca().orders().size(), 1u);
  }
}

TEST(Preflight, APatientGateRenewsTheLease) {
  FlowFixture f;
  f.Configure(FlowFixture::All(Grade::kGate));
  f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, Wait());
  const Order order = f.Create({kWww});
  f.RunFor(absl::Minutes(9));
  EXPECT_EQ(f.solver().presented().size(), 2u);
  EXPECT_EQ(f.Get(order.id).state, State::kPresenting);
  f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, Pass());
  EXPECT_EQ(f.Settle(order.id, absl::Seconds(30)).state, State::kWaitingForCsr);
}

TEST(Preflight, OneNameThatWaitsHoldsTheOrder) {
  FlowFixture f;
  f.solver().looks().Show(NameOf("slow.example.test"), ChallengeType::kHttp01, Wait());
  const Order order = f.Create({kWww, "slow.example.test", "a.example.test"});
  f.RunFor(absl::Seconds(25));
  const Order waiting = f.Get(order.id);
  EXPECT_EQ(waiting.state, State::kPresenting);
  EXPECT_EQ(waiting.waiting_for, "preflight: slow.example.test: seen: NEGATIVE_CACHED");
  EXPECT_GT(waiting.due_time, f.clock().Now() - absl::Seconds(1));
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 0);
  // The others are not looked at again.
  const std::vector<solver::LookOrder> asked = f.solver().looks().asked();
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0].proofs.size(), 3u);
  EXPECT_EQ(asked[1].proofs.size(), 1u);
  EXPECT_EQ(asked[2].round, 3);
  EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
}

TEST(Preflight, WaitsForViewpointsThatTakeTheirTime) {
  FlowFixture f;
  f.solver().looks().SetSlow(true);
  const Order order = f.Create({kWww});
  f.RunFor(absl::Seconds(14));
  EXPECT_EQ(f.Get(order.id).waiting_for, "preflight: looking at www.example.test");
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 0);
  f.solver().FinishLooks();
  f.engine().RunDue();
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 1);
  EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  EXPECT_EQ(f.solver().looks().asked().size(), 1u);
}

TEST(Preflight, ALookThatCannotBeAskedForIsUnknown) {
  FlowFixture f;
  f.solver().looks().Fail(absl::UnavailableError("no validator"));
  const Order order = f.Create({kWww});
  const Order ready = f.Settle(order.id);
  EXPECT_EQ(ready.state, State::kWaitingForCsr);
  ASSERT_EQ(ready.progress[0].views.size(), 1u);
  EXPECT_EQ(ready.progress[0].views[0].findings(0).code(), "VIEWPOINT_UNREACHABLE");
}

TEST(Preflight, KeepsEightViews) {
  FlowFixture f;
  solver::FakeLooks::Views many;
  for (int i = 0; i < 12; ++i) many.push_back(ViewOf(VERDICT_PASS, "", absl::StrCat("v", i)));
  f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, {many});
  const Order order = f.Create({kWww});
  EXPECT_EQ(f.Settle(order.id).progress[0].views.size(), 8u);
}

TEST(Preflight, WhoeverTakesTheOrderAnewLooksAgain) {
  FlowFixture f;
  f.Configure(FlowFixture::All(Grade::kGate));
  f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, Wait());
  const Order order = f.Create({kWww}, MakeCsr({kWww}, MakeKey()));
  f.RunFor(absl::Seconds(30));
  ASSERT_EQ(f.Get(order.id).state, State::kPresenting);
  f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, Pass());
  const int64_t before = f.solver().looks().asked().back().generation;
  f.Restart();
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_GT(f.solver().looks().asked().back().generation, before);
}

TEST(Preflight, TellsViewpointsWhatCaaRecordsAreJudgedBy) {
  FlowFixture f;
  const Order order = f.Create({kWww});
  EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  const std::vector<solver::LookOrder> asked = f.solver().looks().asked();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_THAT(asked[0].caa_identities, ElementsAre("ca.test"));
  EXPECT_EQ(asked[0].account_uri, f.ca().account_urls()[0]);
  EXPECT_EQ(asked[0].proofs[0].name.text(), kWww);
}

// The pass of a name that waited for another's is too old to tell the CA by.
TEST(Preflight, LooksAgainAtPassesThatAreOld) {
  const struct {
    std::string name;
    int waits;  // of the slow name, 10 s each
    Rounds fast;
    std::vector<size_t> proofs;  // of each look
    State end;
  } cases[] = {
      {"fresh still", 1, Pass(), {2, 1}, State::kWaitingForCsr},
      {"old", 2, Pass(), {2, 1, 1, 1}, State::kWaitingForCsr},
      {"gone meanwhile", 2, Pass() + Fail(), {2, 1, 1, 1}, State::kOrdering},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    FlowFixture f;
    f.Configure(FlowFixture::All(Grade::kGate));
    Rounds slow;
    for (int i = 0; i < row.waits; ++i) slow = slow + Wait();
    f.solver().looks().Show(NameOf("slow.example.test"), ChallengeType::kHttp01, slow + Pass());
    f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01, row.fast);
    const Order order = f.Create({kWww, "slow.example.test"});
    f.Settle(order.id, absl::Seconds(10 * row.waits) + absl::Milliseconds(600));
    std::vector<size_t> proofs;
    for (const solver::LookOrder& asked : f.solver().looks().asked()) {
      proofs.push_back(asked.proofs.size());
    }
    EXPECT_EQ(proofs, row.proofs);
    EXPECT_EQ(f.Get(order.id).state, row.end) << f.Get(order.id).waiting_for;
    EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), row.end == State::kOrdering ? 0 : 2);
  }
}

// A passing look costs no commit of its own, and no time.
TEST(Preflight, APassCostsNoTime) {
  FlowFixture f;
  const Order order = f.Create({kWww}, MakeCsr({kWww}, MakeKey()));
  const absl::Time begin = f.clock().Now();
  f.engine().RunDue();
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 1);
  EXPECT_EQ(f.clock().Now(), begin);
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
}

}  // namespace
}  // namespace norroy::flow
