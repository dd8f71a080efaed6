#include "issuer/solver/solver_contract.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/challenge/seal.h"
#include "common/error/error.h"
#include "issuer/solver/test_sealer.h"

namespace norroy::solver {
namespace {

using challenge::ChallengeType;

challenge::Name NameOf(const std::string& text) { return challenge::Name::Parse(text).value(); }

std::string TokenOf(const std::string& name, ChallengeType type, int64_t generation) {
  return absl::StrCat(absl::StrReplaceAll(name, {{".", "-"}, {"*", "_"}}), "-",
                      challenge::ChallengeTypeName(type), "-", generation);
}

challenge::Proof ProofFor(const std::string& name, ChallengeType type, int64_t generation) {
  const auto token = challenge::Token::Parse(TokenOf(name, type, generation)).value();
  return {NameOf(name), type, token,
          challenge::KeyAuthorization::Make(token, std::string(43, 'A')).value()};
}

}  // namespace

Presentation SolverContract::Wish(const std::string& id, int64_t generation,
                                  const std::vector<std::string>& names) {
  Presentation wish;
  wish.id = id;
  wish.generation = generation;
  wish.not_after = Soon();
  for (const std::string& name : names) {
    for (const ChallengeType type : {ChallengeType::kHttp01, ChallengeType::kDns01}) {
      const challenge::Proof proof = ProofFor(name, type, generation);
      wish.proofs.push_back(
          TestSealer()
              .Seal(id, generation, proof, wish.not_after - absl::Minutes(16), wish.not_after)
              .value());
    }
  }
  return wish;
}

LookOrder SolverContract::At(const std::string& id, int64_t generation, int64_t round,
                             const std::vector<std::string>& names) {
  LookOrder order;
  order.id = id;
  order.generation = generation;
  order.round = round;
  for (const std::string& name : names) {
    order.proofs.push_back(ProofFor(name, ChallengeType::kHttp01, generation));
  }
  order.caa_identities = {"ca.test"};
  order.account_uri = "https://ca.test/account/1";
  return order;
}

std::optional<std::vector<types::v1::View>> SolverContract::LookPersistAndSettle(
    const PersistLook& look) {
  std::optional<std::vector<types::v1::View>> seen;
  solver().LookPersist(look, [&](const std::vector<types::v1::View>& views) {
    EXPECT_FALSE(seen.has_value()) << "told twice";
    seen = views;
  });
  Settle();
  return seen;
}

TEST_P(SolverContract, PlansInTheOrderAsked) {
  agents().SetPlan(NameOf("b.example.com"),
                   {{ChallengeType::kDns01, {"dns1"}, {}}, {ChallengeType::kHttp01, {}, {"web9"}}});
  const auto plans =
      solver().Plan({NameOf("b.example.com"), NameOf("a.example.com"), NameOf("*.example.com")});
  ASSERT_TRUE(plans.ok()) << plans.status();
  ASSERT_EQ(plans->size(), 3u);
  EXPECT_EQ((*plans)[0].name.text(), "b.example.com");
  ASSERT_EQ((*plans)[0].types.size(), 2u);
  EXPECT_EQ((*plans)[0].types[0].type, ChallengeType::kDns01);
  EXPECT_EQ((*plans)[0].types[0].agents, std::vector<std::string>{"dns1"});
  EXPECT_EQ((*plans)[0].types[1].missing, std::vector<std::string>{"web9"});
  EXPECT_EQ((*plans)[1].types[0].agents, std::vector<std::string>{"web1"});
  EXPECT_TRUE((*plans)[2].types.empty());
}

TEST_P(SolverContract, TellsForWhomNobodyMayAnswer) {
  // Not attached is not the same as not allowed.
  agents().SetPlan(NameOf("away.example.com"), {{ChallengeType::kHttp01, {}, {"web9"}}});
  agents().SetPlan(NameOf("gone.example.com"), {});
  const std::vector<challenge::Name> names = {NameOf("a.example.com"), NameOf("gone.example.com"),
                                              NameOf("away.example.com"), NameOf("*.example.com")};
  const auto nobody = solver().Unanswerable(names);
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  EXPECT_EQ(*nobody, (std::vector<challenge::Name>{names[1], names[3]}));
  agents().FailCalls(absl::UnavailableError("nobody home"));
  EXPECT_TRUE(absl::IsUnavailable(solver().Unanswerable(names).status()));
}

TEST_P(SolverContract, PresentsAndReleases) {
  const Presentation wish = Wish("order1", 1, {"a.example.com", "b.example.com"});
  const auto status = PresentAndSettle(wish);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->state, PresentationState::kReady);
  ASSERT_EQ(status->names.size(), 2u);
  EXPECT_EQ(status->names[0].type, ChallengeType::kHttp01);
  EXPECT_EQ(status->names[0].agents, std::vector<std::string>{"web1"});
  EXPECT_TRUE(agents().Served("a-example-com-http-01-1").has_value());
  EXPECT_TRUE(agents().Served("b-example-com-http-01-1").has_value());
  EXPECT_EQ(agents().served_count(), 2);

  ASSERT_TRUE(solver().Release("order1", 1, Soon()).ok());
  Settle();
  EXPECT_EQ(agents().served_count(), 0);
  ASSERT_TRUE(solver().Release("order1", 1, Soon()).ok());
  ASSERT_TRUE(solver().Release("never", 1, Soon()).ok());
}

TEST_P(SolverContract, TheSameAgainIsAPoll) {
  agents().SetAutoReady(false);
  const Presentation wish = Wish("order1", 1, {"a.example.com"});
  for (int i = 0; i < 5; ++i) {
    const auto status = PresentAndSettle(wish);
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(status->state, PresentationState::kPuttingUp);
    ASSERT_EQ(status->names.size(), 1u);
    EXPECT_EQ(status->names[0].missing, std::vector<std::string>{"web1"});
  }
  EXPECT_EQ(agents().presented().size(), 1u);
  TakeChanged();
  agents().MakeReady("order1");
  Settle();
  EXPECT_EQ(TakeChanged(), std::vector<std::string>{"order1"});
  EXPECT_EQ(solver().Present(wish)->state, PresentationState::kReady);
}

TEST_P(SolverContract, AFailedTypeGivesWayToTheNext) {
  agents().SetPlan(NameOf("a.example.com"),
                   {{ChallengeType::kHttp01, {"web1"}, {}}, {ChallengeType::kDns01, {"dns1"}, {}}});
  agents().FailType(NameOf("a.example.com"), ChallengeType::kHttp01, "port 80 is taken");
  Presentation wish = Wish("order1", 1, {"a.example.com"});
  auto status = PresentAndSettle(wish);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->state, PresentationState::kFailed);
  EXPECT_EQ(status->names[0].error, "port 80 is taken");
  wish.failed_types.push_back({NameOf("a.example.com"), ChallengeType::kHttp01});
  status = PresentAndSettle(wish);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->state, PresentationState::kReady);
  EXPECT_EQ(status->names[0].type, ChallengeType::kDns01);
  wish.failed_types.push_back({NameOf("a.example.com"), ChallengeType::kDns01});
  status = PresentAndSettle(wish);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->state, PresentationState::kFailed);
}

TEST_P(SolverContract, HigherGenerationsRenewLowerOnesAreRefused) {
  ASSERT_TRUE(PresentAndSettle(Wish("order1", 2, {"a.example.com"})).ok());
  const auto stale = PresentAndSettle(Wish("order1", 1, {"a.example.com"}));
  EXPECT_EQ(ErrorReason(stale.status()), "STALE_GENERATION");
  const auto renewed = PresentAndSettle(Wish("order1", 3, {"a.example.com"}));
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(renewed->state, PresentationState::kReady);
  EXPECT_FALSE(agents().Served("a-example-com-http-01-2").has_value());
  EXPECT_TRUE(agents().Served("a-example-com-http-01-3").has_value());
  ASSERT_TRUE(solver().Release("order1", 3, Soon()).ok());
  Settle();
  EXPECT_EQ(agents().served_count(), 0);
}

TEST_P(SolverContract, WhatWasReleasedDoesNotComeBack) {
  const Presentation wish = Wish("order1", 1, {"a.example.com"});
  ASSERT_TRUE(PresentAndSettle(wish).ok());
  ASSERT_TRUE(solver().Release("order1", 1, Soon()).ok());
  Settle();
  const auto late = PresentAndSettle(wish);
  EXPECT_EQ(ErrorReason(late.status()), "RELEASED") << late.status();
  EXPECT_EQ(agents().served_count(), 0);
  EXPECT_EQ(PresentAndSettle(Wish("order1", 2, {"a.example.com"}))->state,
            PresentationState::kReady);
}

TEST_P(SolverContract, UnavailableMayBeRepeated) {
  agents().FailCalls(absl::UnavailableError("nobody home"));
  EXPECT_TRUE(absl::IsUnavailable(solver().Plan({NameOf("a.example.com")}).status()));
  const Presentation wish = Wish("order1", 1, {"a.example.com"});
  EXPECT_TRUE(absl::IsUnavailable(PresentAndSettle(wish).status()));
  agents().FailCalls(absl::OkStatus());
  EXPECT_TRUE(solver().Plan({NameOf("a.example.com")}).ok());
  const auto status = PresentAndSettle(wish);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->state, PresentationState::kReady);
}

TEST_P(SolverContract, LooksOnceARound) {
  const std::vector<std::string> names = {"b.example.com", "a.example.com"};
  ASSERT_TRUE(PresentAndSettle(Wish("order1", 1, names)).ok());
  agents().looks().Show(NameOf("b.example.com"), ChallengeType::kHttp01,
                        {{ViewOf(types::v1::VERDICT_WAIT, "LAGGING_SERVER", "v1", 1500)},
                         {ViewOf(types::v1::VERDICT_FAIL, "PORT_CLOSED", "v1")}});
  for (int i = 0; i < 2; ++i) {
    const auto seen = LookAndSettle(At("order1", 1, 1, names));
    ASSERT_TRUE(seen.ok()) << seen.status();
    ASSERT_TRUE(seen->has_value());
    ASSERT_EQ((*seen)->size(), 2u);
    const NameView& first = (**seen)[0];
    EXPECT_EQ(first.name.text(), "b.example.com");
    EXPECT_EQ(first.type, ChallengeType::kHttp01);
    EXPECT_EQ(first.view.verdict(), types::v1::VERDICT_WAIT);
    EXPECT_EQ(first.view.viewpoint(), "v1");
    EXPECT_EQ(first.view.again_after_ms(), 1500);
    EXPECT_EQ(first.view.findings(0).code(), "LAGGING_SERVER");
    EXPECT_EQ((**seen)[1].view.verdict(), types::v1::VERDICT_PASS);
  }
  const std::vector<LookOrder> asked = agents().looks().asked();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].caa_identities, std::vector<std::string>{"ca.test"});
  EXPECT_EQ(asked[0].account_uri, "https://ca.test/account/1");

  // A higher round looks again, at what it is given; a lower one is over.
  const auto again = LookAndSettle(At("order1", 1, 2, {"b.example.com"}));
  ASSERT_TRUE(again.ok() && again->has_value()) << again.status();
  ASSERT_EQ((*again)->size(), 1u);
  EXPECT_EQ((**again)[0].view.verdict(), types::v1::VERDICT_FAIL);
  EXPECT_EQ(ErrorReason(solver().Look(At("order1", 1, 1, names)).status()), "STALE_LOOK");
  EXPECT_EQ(agents().looks().asked().size(), 2u);
}

TEST_P(SolverContract, ALookThatTakesItsTimeSaysWhenItIsOver) {
  ASSERT_TRUE(PresentAndSettle(Wish("order1", 1, {"a.example.com"})).ok());
  agents().looks().SetSlow(true);
  const LookOrder order = At("order1", 1, 1, {"a.example.com"});
  for (int i = 0; i < 3; ++i) {
    const auto unknown = LookAndSettle(order);
    ASSERT_TRUE(unknown.ok()) << unknown.status();
    EXPECT_FALSE(unknown->has_value());
  }
  TakeChanged();
  agents().FinishLooks();
  Settle();
  EXPECT_EQ(TakeChanged(), std::vector<std::string>{"order1"});
  const auto seen = solver().Look(order);
  ASSERT_TRUE(seen.ok() && seen->has_value()) << seen.status();
  EXPECT_EQ((**seen)[0].view.verdict(), types::v1::VERDICT_PASS);
  EXPECT_EQ(agents().looks().asked().size(), 1u);
}

TEST_P(SolverContract, ReleaseForgetsWhatWasSeen) {
  ASSERT_TRUE(PresentAndSettle(Wish("order1", 1, {"a.example.com"})).ok());
  const LookOrder order = At("order1", 1, 1, {"a.example.com"});
  ASSERT_TRUE(LookAndSettle(order)->has_value());
  ASSERT_TRUE(solver().Release("order1", 1, Soon()).ok());
  Settle();
  const auto seen = LookAndSettle(order);
  ASSERT_TRUE(seen.ok() && seen->has_value()) << seen.status();
  EXPECT_EQ((**seen)[0].view.verdict(), types::v1::VERDICT_FAIL);
  EXPECT_EQ(agents().looks().asked().size(), 2u);
}

TEST_P(SolverContract, LooksAtPersistRecords) {
  const PersistLook look = {"example.com", "ca.test; accounturi=https://ca.test/account/1", true};
  const auto none = LookPersistAndSettle(look);
  ASSERT_TRUE(none.has_value());
  ASSERT_EQ(none->size(), 1u);
  EXPECT_EQ(none->front().verdict(), types::v1::VERDICT_FAIL);
  EXPECT_EQ(none->front().findings(0).code(), "PERSIST_MISSING");
  // Nothing is kept: the next look sees what is there then.
  agents().looks().ShowPersist("example.com", {ViewOf(types::v1::VERDICT_PASS, "", "north")});
  const auto published = LookPersistAndSettle(look);
  ASSERT_TRUE(published.has_value());
  EXPECT_EQ(published->front().verdict(), types::v1::VERDICT_PASS);
  EXPECT_EQ(published->front().viewpoint(), "north");
  agents().looks().Fail(absl::UnavailableError("nobody home"));
  const auto unseen = LookPersistAndSettle(look);
  ASSERT_TRUE(unseen.has_value());
  EXPECT_EQ(unseen->front().verdict(), types::v1::VERDICT_UNKNOWN);
  EXPECT_EQ(unseen->front().findings(0).code(), "VIEWPOINT_UNREACHABLE");
  const std::vector<PersistLook> asked = agents().looks().persist_asked();
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0].name, look.name);
  EXPECT_EQ(asked[0].value, look.value);
  EXPECT_TRUE(asked[0].wildcard);
  EXPECT_TRUE(TakeChanged().empty());
}

TEST_P(SolverContract, RecheckTellsWhetherAnythingChanged) {
  EXPECT_EQ(ErrorReason(solver().Recheck("order1", 1).status()), "UNKNOWN_PRESENTATION");
  const auto ready = PresentAndSettle(Wish("order1", 1, {"a.example.com"}));
  ASSERT_TRUE(ready.ok()) << ready.status();
  const auto same = RecheckAndSettle("order1", 1);
  ASSERT_TRUE(same.ok() && same->has_value()) << same.status();
  EXPECT_EQ((*same)->state, PresentationState::kReady);
  EXPECT_EQ((*same)->revision, ready->revision);
  agents().Reattach("order1");
  const auto other = RecheckAndSettle("order1", 1);
  ASSERT_TRUE(other.ok() && other->has_value()) << other.status();
  EXPECT_NE((*other)->revision, ready->revision);
  EXPECT_EQ(agents().presented().size(), 1u);
}

}  // namespace norroy::solver
