#include "issuer/seal_watch.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/challenge/seal.h"
#include "common/clock/timers.h"
#include "common/identity/issuing.h"

namespace norroy {
namespace {

class SealWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = absl::StrCat(testing::TempDir(), "/",
                        testing::UnitTest::GetInstance()->current_test_info()->name());
    files_ = {.seal_file = dir_ + ".seal.pem",
              .seal_key = std::nullopt,
              .core_root_file = dir_ + ".root.pem",
              .deployment = "test"};
    ASSERT_TRUE(
        identity::WriteFileAtomically(files_.core_root_file, root_.certificate.ToPem(), 0644).ok());
    WriteSeal(types::v1::ROLE_SEAL);
    auto pair = keys::OpenSealPair(files_, clock_.Now());
    ASSERT_TRUE(pair.ok()) << pair.status();
    sealer_.emplace("test", std::move(pair->signer), std::move(pair->certificate));
  }

  void WriteSeal(types::v1::Role role) {
    const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
    const auto leaf = identity::IssueLeaf(
        root_, key.public_key(), {{"test", role, "main", ""}, {}, clock_.Now(), absl::Hours(24)});
    ASSERT_TRUE(leaf.ok()) << leaf.status();
    ASSERT_TRUE(identity::WriteIdentityFile(files_.seal_file, {key, {*leaf}}).ok());
  }

  // The certificate that a proof is sealed by now.
  std::string SealedBy() {
    const auto token = challenge::Token::Parse("DGyRejmCefe7v4NfDGDKfA").value();
    const challenge::Proof proof{challenge::Name::Parse("www.example.test").value(),
                                 challenge::ChallengeType::kHttp01, token,
                                 challenge::KeyAuthorization::Rehearsal(token)};
    const auto sealed =
        sealer_->Seal("rehearsal-1", 1, proof, clock_.Now(), clock_.Now() + absl::Minutes(10));
    EXPECT_TRUE(sealed.ok()) << sealed.status();
    return sealed.ok() ? sealed->certificate() : "";
  }

  std::string dir_;
  SimulatedClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  SimulatedTimers timers_{clock_};
  const identity::Authority root_ =
      identity::MakeRoot("core", "test", clock_.Now(), absl::Hours(24 * 365)).value();
  keys::SealFiles files_;
  std::optional<solver::Sealer> sealer_;
};

TEST_F(SealWatchTest, AnotherSealIsTakenUpWithoutRestart) {
  const SealWatch watch(files_, *sealer_, timers_, clock_);
  const std::string before = SealedBy();
  timers_.Advance(absl::Seconds(5));
  EXPECT_EQ(SealedBy(), before);
  WriteSeal(types::v1::ROLE_SEAL);
  timers_.Advance(absl::Seconds(5));
  EXPECT_NE(SealedBy(), before);
}

TEST_F(SealWatchTest, WhatIsNoSealChangesNothing) {
  const SealWatch watch(files_, *sealer_, timers_, clock_);
  const std::string before = SealedBy();
  WriteSeal(types::v1::ROLE_OPERATOR);
  timers_.Advance(absl::Seconds(5));
  EXPECT_EQ(SealedBy(), before);
  ASSERT_TRUE(identity::WriteFileAtomically(files_.seal_file, "nonsense", 0600).ok());
  timers_.Advance(absl::Seconds(5));
  EXPECT_EQ(SealedBy(), before);
  WriteSeal(types::v1::ROLE_SEAL);
  timers_.Advance(absl::Seconds(5));
  EXPECT_NE(SealedBy(), before);
}

}  // namespace
}  // namespace norroy
