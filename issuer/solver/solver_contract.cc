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

}  // namespace

Presentation SolverContract::Wish(const std::string& id, int64_t generation,
                                  const std::vector<std::string>& names) {
  Presentation wish;
  wish.id = id;
  wish.generation = generation;
  wish.not_after = Soon();
  for (const std::string& name : names) {
    for (const ChallengeType type : {ChallengeType::kHttp01, ChallengeType::kDns01}) {
      const auto token = challenge::Token::Parse(TokenOf(name, type, generation)).value();
      const challenge::Proof proof{
          NameOf(name), type, token,
          challenge::KeyAuthorization::Make(token, std::string(43, 'A')).value()};
      wish.proofs.push_back(
          TestSealer()
              .Seal(id, generation, proof, wish.not_after - absl::Minutes(16), wish.not_after)
              .value());
    }
  }
  return wish;
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

}  // namespace norroy::solver
