#include "agent/session/session.h"

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/session/board.h"
#include "agent/session/session_fixture.h"

namespace norroy::agent {
namespace {

TEST_F(SessionTest, ServesAndTakesDown) {
  const auto result =
      PutUp({sealer_.Seal("order-1", 1, proof_), sealer_.Seal("order-1", 1, second_)});
  EXPECT_EQ(result.presentation_id(), "order-1");
  EXPECT_EQ(result.generation(), 1);
  ASSERT_EQ(result.results_size(), 2);
  EXPECT_TRUE(result.results(0).served()) << result.results(0).detail();
  EXPECT_EQ(result.results(0).place(), "memory");
  EXPECT_TRUE(Serves(proof_) && Serves(second_));
  EXPECT_EQ(session_->presented(), 1);

  EXPECT_EQ(TakeDown("order-1", 1), "");
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_EQ(TakeDown("order-1", 1), "") << "again is fine";
  EXPECT_EQ(TakeDown("order-9", 1), "") << "what was never up is fine";
}

TEST_F(SessionTest, HelloSaysWhatIs) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 3, proof_)), "");
  const v1::AgentHello hello = session_->Hello();
  EXPECT_EQ(hello.version(), "1.2.3");
  EXPECT_EQ(hello.boot_id(), "boot");
  EXPECT_EQ(hello.protocol_min(), 1);
  EXPECT_EQ(hello.protocol_max(), 1);
  EXPECT_EQ(hello.now().seconds(), absl::ToUnixSeconds(kNow));
  ASSERT_EQ(hello.types_size(), 1);
  EXPECT_EQ(hello.types(0), types::v1::CHALLENGE_TYPE_HTTP_01);
  ASSERT_EQ(hello.scope_size(), 2);
  EXPECT_EQ(hello.scope(0), ".example.com");
  ASSERT_EQ(hello.presented_size(), 1);
  EXPECT_EQ(hello.presented(0).presentation_id(), "order-1");
  EXPECT_EQ(hello.presented(0).generation(), 3);
}

TEST_F(SessionTest, RefusesByNameAndServesTheRest) {
  auto dns = MakeProof("b.example.com", "token-3", ChallengeType::kDns01);
  const auto result = PutUp({
      sealer_.Seal("order-1", 1, proof_),
      sealer_.Seal("order-1", 1, MakeProof("www.example.net", "token-4")),
      sealer_.Seal("order-1", 1, MakeProof("example.com", "token-5")),
      sealer_.Seal("order-1", 1, dns),
      sealer_.Seal("order-2", 1, second_),
      sealer_.Seal("order-1", 2, second_),
      sealer_.Seal("order-1", 1, second_, kNow - absl::Hours(1)),
  });
  const std::vector<std::string> reasons = {"",
                                            "OUT_OF_SCOPE",
                                            "OUT_OF_SCOPE",
                                            "UNSUPPORTED_TYPE",
                                            "REJECTED_SEAL",
                                            "REJECTED_SEAL",
                                            "EXPIRED"};
  ASSERT_EQ(result.results_size(), static_cast<int>(reasons.size()));
  for (int i = 0; i < result.results_size(); ++i) {
    EXPECT_EQ(result.results(i).reason(), reasons[i]) << i;
    EXPECT_EQ(result.results(i).detail().empty(), reasons[i].empty()) << i;
  }
  EXPECT_TRUE(absl::StrContains(result.results(1).detail(), "www.example.net"));
  EXPECT_EQ(result.presentation_id(), "order-1");
  EXPECT_EQ(web_.size(), 1);
}

TEST(Board, AWildcardIsForDnsAlone) {
  MemoryPresenter web(ChallengeType::kHttp01);
  MemoryPresenter dns(ChallengeType::kDns01);
  const std::vector<Presenter*> presenters = {&web, &dns};
  EXPECT_TRUE(Supports(presenters, MakeProof("www.example.com", "t")));
  EXPECT_FALSE(Supports(presenters, MakeProof("*.example.com", "t")));
  EXPECT_TRUE(Supports(presenters, MakeProof("*.example.com", "t", ChallengeType::kDns01)));
  EXPECT_FALSE(Supports(presenters, MakeProof("a.example.com", "t", ChallengeType::kTlsAlpn01)));
}

TEST_F(SessionTest, CapsTheMessage) {
  std::vector<types::v1::SealedProof> proofs;
  for (int i = 0; i < 100; ++i) {
    proofs.push_back(sealer_.Seal(
        "order-1", 1, MakeProof(absl::StrCat("n", i, ".example.com"), absl::StrCat("t", i))));
  }
  const auto all = PutUp(proofs);
  for (const auto& result : all.results()) EXPECT_TRUE(result.served());
  EXPECT_EQ(web_.size(), 100);
  proofs.push_back(sealer_.Seal("order-1", 1, proof_));
  const auto none = PutUp(proofs);
  for (const auto& result : none.results()) EXPECT_FALSE(result.served());
  EXPECT_EQ(PutUp({}).results_size(), 0);
}

TEST_F(SessionTest, AHigherGenerationTakesThePlace) {
  ASSERT_EQ(PutUp({sealer_.Seal("order-1", 1, proof_), sealer_.Seal("order-1", 1, second_)})
                .results_size(),
            2);
  timers_.Advance(absl::Minutes(7));
  ASSERT_EQ(Put(sealer_.Seal("order-1", 2, proof_, clock_.Now())), "");
  EXPECT_TRUE(Serves(proof_));
  EXPECT_FALSE(Serves(second_)) << "no part of the new generation";
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, second_)), "STALE_GENERATION");
  EXPECT_EQ(TakeDown("order-1", 1), "") << "of what is not up any more";
  EXPECT_TRUE(Serves(proof_));
  timers_.Advance(absl::Minutes(14));
  EXPECT_TRUE(Serves(proof_)) << "the lease was renewed";
  Restart();
  EXPECT_TRUE(Serves(proof_));
  EXPECT_EQ(session_->Hello().presented(0).generation(), 2);
  timers_.Advance(absl::Minutes(1));
  EXPECT_EQ(web_.size(), 0);
}

TEST_F(SessionTest, TheSameGenerationAgainAddsAndRetries) {
  const auto first = sealer_.Seal("order-1", 1, proof_);
  ASSERT_EQ(Put(first), "");
  const int notes = journal_->notes;
  ASSERT_EQ(Put(first), "");
  EXPECT_EQ(journal_->notes, notes) << "nothing new";
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, second_)), "");
  EXPECT_TRUE(Serves(proof_) && Serves(second_));
  ASSERT_EQ(TakeDown("order-1", 1), "");
  EXPECT_EQ(web_.size(), 0);
}

TEST_F(SessionTest, AProofOfTwoPresentationsStaysUntilBothAreGone) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  ASSERT_EQ(Put(sealer_.Seal("order-2", 1, proof_)), "");
  ASSERT_EQ(TakeDown("order-1", 1), "");
  EXPECT_TRUE(Serves(proof_));
  Restart();
  EXPECT_TRUE(Serves(proof_));
  ASSERT_EQ(TakeDown("order-2", 1), "");
  EXPECT_EQ(web_.size(), 0);
}

TEST_F(SessionTest, ARehearsalIsServedLikeAChallenge) {
  auto body = sealer_.Body("order-1", 1, proof_);
  body.kind = challenge::SealKind::kRehearsal;
  body.proof.key_authorization = challenge::KeyAuthorization::Rehearsal(body.proof.token);
  EXPECT_EQ(Put(sealer_.Seal(body)), "");
  EXPECT_TRUE(Serves(body.proof));
}

TEST_F(SessionTest, TwoLinksAtOnce) {
  const auto link = [this](int number) {
    for (int round = 1; round <= 20; ++round) {
      // One presentation both send, as after a validator's failover, and one of its own.
      const std::string own = absl::StrCat("own-", number);
      PutUp({sealer_.Seal("shared", round, proof_)});
      PutUp({sealer_.Seal(own, round, second_)});
      session_->Hello();
      EXPECT_EQ(TakeDown(own, round), "");
      EXPECT_EQ(TakeDown("shared", round), "");
    }
  };
  std::thread first(link, 1);
  std::thread second(link, 2);
  for (int i = 0; i < 100; ++i) session_->presented();
  first.join();
  second.join();
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(session_->presented(), 0);
}

TEST_F(SessionTest, NeedsAPresenter) {
  presenters_.clear();
  EXPECT_FALSE(Session::Start({.seals = verifier_,
                               .scope = scope_,
                               .presenters = {},
                               .journal = *journal_,
                               .clock = clock_,
                               .timers = timers_,
                               .version = "",
                               .boot_id = ""})
                   .ok());
}

}  // namespace
}  // namespace norroy::agent
