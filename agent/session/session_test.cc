#include "agent/session/session.h"

#include <unistd.h>

#include <functional>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/presenter/memory_presenter.h"
#include "agent/session/board.h"
#include "common/crypto/encoding.h"
#include "common/crypto/signer.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

using challenge::ChallengeType;

const absl::Time kNow = absl::FromUnixSeconds(1770000000);
constexpr absl::Duration kLease = absl::Minutes(15);

challenge::Proof MakeProof(const std::string& name, const std::string& token,
                           ChallengeType type = ChallengeType::kHttp01) {
  const auto parsed = *challenge::Token::Parse(token);
  return {
      .name = *challenge::Name::Parse(name),
      .type = type,
      .token = parsed,
      .key_authorization = *challenge::KeyAuthorization::Make(parsed, std::string(42, 'a') + "A")};
}

// Somebody who seals: a deployment's issuer, or who would like to be one.
class Sealer {
 public:
  explicit Sealer(const std::string& deployment = "lab", identity::Role role = types::v1::ROLE_SEAL)
      : root_(*identity::MakeRoot("core", deployment, kNow, absl::Hours(1000))),
        deployment_(deployment) {
    Certify(root_, role);
  }
  // Of another one's root, with a role of that deployment.
  Sealer(const identity::Authority& root, identity::Role role) : root_(root), deployment_("lab") {
    Certify(root_, role);
  }

  types::v1::SealedProof Seal(const challenge::SealBody& body) const {
    auto signer = crypto::NewKeySigner(*key_);
    auto sealed = challenge::Seal(body, *signer, *certificate_);
    EXPECT_TRUE(sealed.ok()) << sealed.status();
    return *sealed;
  }

  challenge::SealBody Body(const std::string& id, int64_t generation, const challenge::Proof& proof,
                           absl::Time now = kNow) const {
    return {.deployment = deployment_,
            .kind = challenge::SealKind::kChallenge,
            .presentation_id = id,
            .generation = generation,
            .proof = proof,
            .not_before = now,
            .not_after = now + kLease};
  }
  types::v1::SealedProof Seal(const std::string& id, int64_t generation,
                              const challenge::Proof& proof, absl::Time now = kNow) const {
    return Seal(Body(id, generation, proof, now));
  }

  const identity::Authority& root() const { return root_; }
  const crypto::Certificate& certificate() const { return *certificate_; }

 private:
  void Certify(const identity::Authority& root, identity::Role role) {
    key_ = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
    identity::LeafRequest request;
    request.identity = {deployment_, role, "one", ""};
    request.now = kNow;
    request.lifetime = absl::Hours(900);
    auto leaf = identity::IssueLeaf(root, key_->public_key(), request);
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    certificate_ = *leaf;
  }

  identity::Authority root_;
  std::string deployment_;
  std::optional<crypto::PrivateKey> key_;
  std::optional<crypto::Certificate> certificate_;
};

// A journal whose disk can be full.
class FlakyJournal final : public Journal {
 public:
  explicit FlakyJournal(std::unique_ptr<Journal> real) : real_(std::move(real)) {}
  const JournalState& state() const override { return real_->state(); }
  absl::Status NotePresented(const JournalPresentation& presentation) override {
    ++notes;
    return fail.ok() ? real_->NotePresented(presentation) : fail;
  }
  absl::Status NoteGone(const std::string& id, const Tombstone* tombstone) override {
    ++notes;
    if (discard) return absl::OkStatus();
    return fail.ok() ? real_->NoteGone(id, tombstone) : fail;
  }
  absl::Status Sweep(absl::Time now) override { return real_->Sweep(now); }

  absl::Status fail;
  bool discard = false;  // releases, where there are too many to wait for a disk
  int notes = 0;

 private:
  std::unique_ptr<Journal> real_;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    static int count = 0;
    path_ = absl::StrCat(testing::TempDir(), "/session-", getpid(), "-", ++count);
    Restart();
  }

  // As after kill -9: nothing is taken down, nothing more is written.
  void Restart() {
    session_.reset();
    journal_.reset();
    auto journal = Journal::Open(path_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = std::make_unique<FlakyJournal>(*std::move(journal));
    auto session = Session::Start({.seals = verifier_,
                                   .scope = scope_,
                                   .presenters = presenters_,
                                   .journal = *journal_,
                                   .clock = clock_,
                                   .timers = timers_,
                                   .version = "1.2.3",
                                   .boot_id = "boot"});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
  }

  v1::PutUpResult PutUp(const std::vector<types::v1::SealedProof>& proofs) {
    v1::PutUp message;
    for (const auto& proof : proofs) *message.add_proofs() = proof;
    return session_->PutUp(message);
  }
  // The one result's reason; "" when served.
  std::string Put(const types::v1::SealedProof& proof) {
    const auto result = PutUp({proof});
    EXPECT_EQ(result.results_size(), 1);
    EXPECT_EQ(result.results(0).served(), result.results(0).reason().empty());
    EXPECT_EQ(result.results(0).served(), !result.results(0).place().empty());
    return result.results(0).reason();
  }
  std::string TakeDown(const std::string& id, int64_t generation,
                       absl::Duration tombstone = kLease) {
    v1::TakeDown message;
    message.set_presentation_id(id);
    message.set_generation(generation);
    message.mutable_tombstone_until()->set_seconds(absl::ToUnixSeconds(clock_.Now() + tombstone));
    return session_->TakeDown(message).error();
  }
  bool Serves(const challenge::Proof& proof) {
    return web_.Look(proof) == proof.key_authorization.value();
  }

  const Sealer sealer_;
  const challenge::SealVerifier verifier_{"lab", sealer_.root().certificate};
  std::vector<challenge::Pattern> scope_ =
      *challenge::ParsePatterns({".example.com", "*.example.com"});
  MemoryPresenter web_{ChallengeType::kHttp01};
  std::vector<Presenter*> presenters_ = {&web_};
  SimulatedClock clock_{kNow};
  SimulatedTimers timers_{clock_};
  std::string path_;
  std::unique_ptr<FlakyJournal> journal_;
  std::unique_ptr<Session> session_;
  const challenge::Proof proof_ = MakeProof("www.example.com", "token-1");
  const challenge::Proof second_ = MakeProof("a.example.com", "token-2");
};

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

// What a validator that turned bad can send: none of it may be served.
TEST_F(SessionTest, RefusesWhatTheIssuerDidNotSeal) {
  const auto genuine = sealer_.Seal("order-1", 1, proof_);
  const auto other = sealer_.Seal("order-1", 1, second_);
  const auto change = [&](const std::function<void(types::v1::SealBody&)>& edit) {
    auto forged = genuine;
    types::v1::SealBody body;
    EXPECT_TRUE(body.ParseFromString(forged.body()));
    edit(body);
    forged.set_body(body.SerializeAsString());
    return forged;
  };
  const auto with = [&](const std::function<void(types::v1::SealedProof&)>& edit) {
    auto forged = genuine;
    edit(forged);
    return forged;
  };
  const Sealer own_root;
  const Sealer validator(sealer_.root(), types::v1::ROLE_VALIDATOR);
  const Sealer other_deployment("other");
  auto foreign_name = sealer_.Body("order-1", 1, proof_);
  foreign_name.deployment = "other";
  auto too_long = sealer_.Body("order-1", 1, proof_);
  too_long.not_after = kNow + absl::Hours(24) + absl::Seconds(1);
  auto early = sealer_.Body("order-1", 1, proof_, kNow + absl::Minutes(6));

  const struct {
    const char* what;
    types::v1::SealedProof sealed;
  } cases[] = {
      {"the validator's own root", own_root.Seal("order-1", 1, proof_)},
      {"the validator's own key under the genuine certificate", with([&](auto& s) {
         s = own_root.Seal("order-1", 1, proof_);
         s.set_certificate(sealer_.certificate().der());
       })},
      {"the validator's own identity as the seal", validator.Seal("order-1", 1, proof_)},
      {"another deployment", other_deployment.Seal("order-1", 1, proof_)},
      {"swapped signature", with([&](auto& s) { s.set_signature(other.signature()); })},
      {"swapped body", with([&](auto& s) { s.set_body(other.body()); })},
      {"no signature", with([](auto& s) { s.clear_signature(); })},
      {"no certificate", with([](auto& s) { s.clear_certificate(); })},
      {"no body", with([](auto& s) { s.clear_body(); })},
      {"other name", change([](auto& b) {
         b.mutable_proof()->mutable_identifier()->set_value("a.example.com");
       })},
      {"wildcard", change([](auto& b) { b.mutable_proof()->set_wildcard(true); })},
      {"other type",
       change([](auto& b) { b.mutable_proof()->set_type(types::v1::CHALLENGE_TYPE_DNS_01); })},
      {"other token", change([](auto& b) { b.mutable_proof()->set_token("token-2"); })},
      {"other account", change([](auto& b) {
         b.mutable_proof()->set_key_authorization("token-1." + std::string(43, 'b'));
       })},
      {"other presentation", change([](auto& b) { b.set_presentation_id("order-2"); })},
      {"higher generation", change([](auto& b) { b.set_generation(2); })},
      {"prolonged", change([](auto& b) { b.mutable_not_after()->set_seconds(1770009999); })},
      {"an unknown field more", with([](auto& s) { s.set_body(s.body() + "\x7a\x01x"); })},
      {"over 24 hours",
       [&] {
         auto signer_refuses = challenge::Seal(
             too_long, *crypto::NewKeySigner(*crypto::PrivateKey::Generate(crypto::KeyType::kP256)),
             sealer_.certificate());
         return signer_refuses.ok() ? *signer_refuses : types::v1::SealedProof();
       }()},
      {"not valid yet", sealer_.Seal(early)},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Put(c.sealed), "REJECTED_SEAL") << c.what;
    EXPECT_EQ(web_.size(), 0) << c.what;
  }
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_EQ(journal_->notes, 0) << "nothing of it may reach the disk";
  EXPECT_EQ(Put(genuine), "");
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

TEST_F(SessionTest, AReplayAfterTheReleaseIsRefusedAlsoAfterARestart) {
  const auto sealed = sealer_.Seal("order-1", 2, proof_);
  ASSERT_EQ(Put(sealed), "");
  // The validator asks for a short memory; the seal's own end counts.
  ASSERT_EQ(TakeDown("order-1", 2, absl::Seconds(1)), "");
  EXPECT_EQ(Put(sealed), "RELEASED");
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "RELEASED");
  timers_.Advance(absl::Minutes(2));
  Restart();
  EXPECT_EQ(Put(sealed), "RELEASED");
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(Put(sealer_.Seal("order-1", 3, proof_)), "") << "a later generation is a new wish";
  timers_.Advance(kLease);
  EXPECT_EQ(Put(sealed), "EXPIRED");
}

TEST_F(SessionTest, AReleaseThatComesFirstIsRemembered) {
  EXPECT_EQ(TakeDown("order-1", 1), "");
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "RELEASED");
  Restart();
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "RELEASED");
}

TEST_F(SessionTest, BadReleasesAreAnswered) {
  for (const std::string& id : {std::string(), std::string("UPPER"), std::string("a b"),
                                std::string(65, 'a'), std::string("a/../b")}) {
    EXPECT_NE(TakeDown(id, 1), "") << id;
  }
  EXPECT_NE(TakeDown("order-1", 0), "");
  EXPECT_EQ(journal_->notes, 0);
  EXPECT_EQ(TakeDown("order-1", 1, absl::Hours(1000000)), "");
  EXPECT_LE(journal_->state().tombstones[0].until, kNow + absl::Hours(25));
}

TEST_F(SessionTest, TombstonesOfUnknownPresentationsAreCapped) {
  log::Configure(log::Level::kError, log::Format::kText);
  journal_->discard = true;
  std::string error;
  for (int i = 0; i <= 10000 && error.empty(); ++i) {
    error = TakeDown(absl::StrCat("order-", i), 1);
  }
  EXPECT_NE(error, "");
  log::Configure(log::Level::kInfo, log::Format::kText);
  ASSERT_EQ(Put(sealer_.Seal("known", 1, proof_)), "");
  EXPECT_EQ(TakeDown("known", 1), "") << "a release of what is up always works";
  EXPECT_EQ(Put(sealer_.Seal("known", 1, proof_)), "RELEASED");
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

TEST_F(SessionTest, ALeaseEndsWithoutAnyValidator) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  timers_.Advance(kLease - absl::Milliseconds(1));
  EXPECT_TRUE(Serves(proof_));
  timers_.Advance(absl::Milliseconds(2));
  EXPECT_FALSE(Serves(proof_));
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_TRUE(journal_->state().presented.empty());
}

TEST_F(SessionTest, NoSettingOfTheClockProlongsALease) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  clock_.JumpWall(-absl::Hours(3));
  timers_.Advance(kLease + absl::Seconds(31));
  EXPECT_EQ(web_.size(), 0);
}

TEST_F(SessionTest, ALeaseEndsSoonAfterTheClockWasSetForward) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  clock_.JumpWall(absl::Hours(3));
  timers_.Advance(absl::Seconds(31));
  EXPECT_EQ(web_.size(), 0);
}

TEST_F(SessionTest, ARestartPutsUpAgainWhatIsStillValid) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  timers_.Advance(absl::Minutes(5));
  ASSERT_EQ(Put(sealer_.Seal("order-2", 1, second_, clock_.Now())), "");
  session_.reset();
  clock_.Advance(absl::Minutes(11));
  EXPECT_EQ(web_.size(), 2) << "as files are after kill -9";
  Restart();
  EXPECT_FALSE(Serves(proof_)) << "its lease ended while nobody was there";
  EXPECT_TRUE(Serves(second_));
  EXPECT_EQ(session_->presented(), 1);
  timers_.Advance(absl::Minutes(5));
  EXPECT_EQ(web_.size(), 0);
}

TEST_F(SessionTest, ARestartWithANarrowerScopeTakesDown) {
  ASSERT_EQ(PutUp({sealer_.Seal("order-1", 1, proof_), sealer_.Seal("order-1", 1, second_)})
                .results_size(),
            2);
  scope_ = *challenge::ParsePatterns({"a.example.com"});
  Restart();
  EXPECT_FALSE(Serves(proof_));
  EXPECT_TRUE(Serves(second_));
}

TEST_F(SessionTest, WhatCannotBeTakenDownAtTheStartIsTriedAgain) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  session_.reset();
  clock_.Advance(kLease);
  web_.FailTakeDown(absl::FailedPreconditionError("Read-only file system"));
  Restart();
  EXPECT_EQ(web_.size(), 1);
  Restart();
  web_.FailTakeDown(absl::OkStatus());
  timers_.Advance(absl::Seconds(31));
  EXPECT_EQ(web_.size(), 0);
  Restart();
  EXPECT_TRUE(journal_->state().presented.empty());
}

TEST_F(SessionTest, AStopTakesDownAndTheNextStartPutsUp) {
  const auto sealed = sealer_.Seal("order-1", 1, proof_);
  ASSERT_EQ(Put(sealed), "");
  session_->Stop();
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_EQ(Put(sealed), "PRESENTER_FAILED");
  EXPECT_NE(TakeDown("order-1", 1), "");
  Restart();
  EXPECT_TRUE(Serves(proof_));
}

TEST_F(SessionTest, AFailingPresenterIsNamedAndTheNextOneServes) {
  web_.FailPutUp(absl::FailedPreconditionError("/var/www: No space left on device"));
  const auto result = PutUp({sealer_.Seal("order-1", 1, proof_)});
  EXPECT_EQ(result.results(0).reason(), "PRESENTER_FAILED");
  EXPECT_EQ(result.results(0).detail(), "/var/www: No space left on device");
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_TRUE(journal_->state().presented.empty());

  MemoryPresenter spare(ChallengeType::kHttp01);
  presenters_.push_back(&spare);
  Restart();
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  EXPECT_EQ(spare.size(), 1);
  EXPECT_EQ(TakeDown("order-1", 1), "");
  EXPECT_EQ(spare.size(), 0);
  session_.reset();
}

TEST_F(SessionTest, AFullDiskServesNothingNew) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  journal_->fail = absl::FailedPreconditionError("journal: No space left on device");
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, second_)), "PRESENTER_FAILED");
  EXPECT_EQ(Put(sealer_.Seal("order-2", 1, second_)), "PRESENTER_FAILED");
  EXPECT_EQ(web_.size(), 1);
  EXPECT_EQ(session_->presented(), 1);
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "") << "it is up and written down";
  // Down it comes all the same; the validator hears that it could not be noted.
  EXPECT_NE(TakeDown("order-1", 1), "");
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "RELEASED");
}

TEST_F(SessionTest, AReleaseThatFailsIsAnsweredAndTriedAgain) {
  const auto sealed = sealer_.Seal("order-1", 1, proof_);
  ASSERT_EQ(Put(sealed), "");
  web_.FailTakeDown(absl::FailedPreconditionError("Read-only file system"));
  EXPECT_EQ(TakeDown("order-1", 1), "Read-only file system");
  EXPECT_EQ(session_->presented(), 1) << "it is served: say so";
  EXPECT_EQ(Put(sealed), "RELEASED");
  web_.FailTakeDown(absl::OkStatus());
  timers_.Advance(absl::Seconds(31));
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(session_->presented(), 0);
  Restart();
  EXPECT_EQ(Put(sealed), "RELEASED");
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
  EXPECT_EQ(Put(sealer_.Seal(body)), "");
  EXPECT_TRUE(Serves(proof_));
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
