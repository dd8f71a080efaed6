#ifndef NORROY_AGENT_SESSION_SESSION_FIXTURE_H_
#define NORROY_AGENT_SESSION_SESSION_FIXTURE_H_

// A session on a simulated clock, with a presenter in memory, a journal that can fail, and somebody
// who seals: for the session's tests.

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/presenter/memory_presenter.h"
#include "agent/session/session.h"
#include "common/crypto/signer.h"
#include "common/identity/issuing.h"
#include "gtest/gtest.h"

namespace norroy::agent {

using challenge::ChallengeType;

inline const absl::Time kNow = absl::FromUnixSeconds(1770000000);
inline constexpr absl::Duration kLease = absl::Minutes(15);

inline challenge::Proof MakeProof(const std::string& name, const std::string& token,
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
    if (discard) return absl::OkStatus();
    return fail.ok() ? real_->NotePresented(presentation) : fail;
  }
  absl::Status NoteSpot(const std::string& id, size_t proof, const Spot& spot) override {
    ++notes;
    return fail.ok() ? real_->NoteSpot(id, proof, spot) : fail;
  }
  absl::Status NoteReleased(const Tombstone& tombstone) override {
    ++notes;
    if (discard) return absl::OkStatus();
    return fail.ok() ? real_->NoteReleased(tombstone) : fail;
  }
  absl::Status NoteGone(const std::string& id, const Tombstone* tombstone) override {
    ++notes;
    if (discard) return absl::OkStatus();
    return fail.ok() ? real_->NoteGone(id, tombstone) : fail;
  }
  absl::Status Sweep(absl::Time now) override { return real_->Sweep(now); }

  absl::Status fail;
  bool discard = false;  // where there are too many to wait for a disk
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
                                   .boot_id = "boot",
                                   .stop_timeout = stop_timeout_});
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
  absl::Duration stop_timeout_ = kStopTimeout;
  std::string path_;
  std::unique_ptr<FlakyJournal> journal_;
  std::unique_ptr<Session> session_;
  const challenge::Proof proof_ = MakeProof("www.example.com", "token-1");
  const challenge::Proof second_ = MakeProof("a.example.com", "token-2");
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_SESSION_FIXTURE_H_
