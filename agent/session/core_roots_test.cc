#include "agent/session/core_roots.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/session/session_fixture.h"
#include "common/log/log.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

constexpr char kId[] = "0123456789abcdef0123456789abcdef";

class CoreRootsTest : public testing::Test {
 protected:
  CoreRootsTest() {
    log::SetSink([this](absl::string_view line) { absl::StrAppend(&log_, line, "\n"); });
    const auto edge_root = *identity::MakeRoot("edge", "lab", kNow, absl::Hours(24));
    const auto edge =
        *identity::MakeIntermediate(edge_root, "edge", "edge.lab", kNow, absl::Hours(24));
    auto key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
    const auto leaf = *identity::IssueLeaf(
        edge, key.public_key(),
        {{"lab", types::v1::ROLE_AGENT, "web-1", kId}, {}, kNow, absl::Hours(1)});
    EXPECT_TRUE(dir_.Save(enrollment_, {std::move(key), {leaf, edge.certificate}}).ok());
  }
  ~CoreRootsTest() override { log::SetSink({}); }

  static std::string NewPath() {
    static int count = 0;
    return absl::StrCat(testing::TempDir(), "/core-roots-", getpid(), "-", ++count);
  }
  static v1::ValidatorHello Hello(const std::vector<crypto::Certificate>& roots) {
    v1::ValidatorHello hello;
    for (const auto& root : roots) hello.add_core_roots(root.der());
    return hello;
  }
  bool Believes(const Sealer& sealer) {
    return seals_
        .Verify(sealer.Seal("p1", 1, MakeProof("www.example.com", std::string(22, 't'))), kNow)
        .ok();
  }
  std::vector<std::string> Known() {
    std::vector<std::string> known;
    for (const auto& root : roots_.roots()) known.push_back(root.fingerprint());
    return known;
  }
  // As a start finds them.
  std::vector<std::string> Kept() {
    std::vector<std::string> kept;
    const auto loaded = dir_.Load();
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    for (const auto& root : loaded->core_roots) kept.push_back(root.fingerprint());
    return kept;
  }

  std::string log_;
  const Sealer old_;
  const Sealer new_;
  const crypto::Certificate& first_ = old_.root().certificate;
  const crypto::Certificate& second_ = new_.root().certificate;
  const crypto::Certificate cross_ = *identity::MakeCrossCertificate(old_.root(), second_, kNow);
  const std::vector<std::string> only_first_ = {first_.fingerprint()};
  const std::vector<std::string> only_second_ = {second_.fingerprint()};
  const std::vector<std::string> both_ = {second_.fingerprint(), first_.fingerprint()};
  const Enrollment enrollment_ = {.identity = {"lab", types::v1::ROLE_AGENT, "web-1", kId},
                                  .validators = {"192.0.2.1:7443"},
                                  .core_roots = {first_},
                                  .scope = *challenge::ParsePatterns({"www.example.com"})};
  const StateDir dir_ = *StateDir::Create(NewPath());
  SimulatedClock clock_{kNow};
  challenge::SealVerifier seals_{"lab", first_};
  CoreRoots roots_{dir_, enrollment_, seals_, clock_};
};

TEST_F(CoreRootsTest, ANewRootIsTakenWithItsProof) {
  EXPECT_FALSE(Believes(new_));
  roots_.Heard("v1", Hello({cross_, second_}));
  EXPECT_EQ(Known(), both_);
  EXPECT_EQ(Kept(), both_);
  EXPECT_TRUE(Believes(new_));
  EXPECT_TRUE(Believes(old_)) << "seals of the old one count until they end";
}

TEST_F(CoreRootsTest, WithoutProofNothingChanges) {
  const Sealer stranger;
  const auto foreign_cross =
      *identity::MakeCrossCertificate(stranger.root(), new_.root().certificate, kNow);
  for (const auto& told : std::vector<std::vector<crypto::Certificate>>{
           {second_}, {foreign_cross, second_}, {cross_, stranger.root().certificate}}) {
    roots_.Heard("v1", Hello(told));
    EXPECT_EQ(Known(), only_first_);
    EXPECT_EQ(Kept(), only_first_);
    EXPECT_FALSE(Believes(new_));
  }
  EXPECT_TRUE(absl::StrContains(log_, "must be enrolled again")) << log_;
  v1::ValidatorHello nonsense;
  nonsense.add_core_roots("nonsense");
  roots_.Heard("v1", nonsense);
  EXPECT_EQ(Known(), only_first_);
}

// A validator alone cannot make an agent lose a root: the issuer must have gone over.
TEST_F(CoreRootsTest, TheOldRootIsDroppedOnceRetiredAndSealedPast) {
  roots_.Heard("v1", Hello({cross_, second_}));
  roots_.Heard("v1", Hello({second_}));
  EXPECT_EQ(Known(), both_) << "no seal under the new root was seen";
  EXPECT_TRUE(Believes(old_));
  EXPECT_EQ(Known(), both_) << "a seal under the old one proves nothing";
  EXPECT_TRUE(Believes(new_));
  EXPECT_EQ(Known(), only_second_);
  EXPECT_EQ(Kept(), only_second_);
  EXPECT_FALSE(Believes(old_));
  EXPECT_TRUE(Believes(new_));
}

TEST_F(CoreRootsTest, SealsAloneDropNothing) {
  roots_.Heard("v1", Hello({cross_, second_}));
  EXPECT_TRUE(Believes(new_));
  EXPECT_EQ(Known(), both_);
}

TEST_F(CoreRootsTest, EveryValidatorMustHaveRetiredIt) {
  roots_.Heard("v1", Hello({cross_, second_}));
  roots_.Heard("v2", Hello({}));
  EXPECT_TRUE(Believes(new_));
  roots_.Heard("v1", Hello({second_}));
  EXPECT_EQ(Known(), both_) << "v2 has not heard of it yet";
  roots_.Heard("v2", Hello({cross_, second_}));
  EXPECT_EQ(Known(), both_);
  roots_.Heard("v2", Hello({second_}));
  EXPECT_EQ(Known(), only_second_);
}

// The retired root does not come back by the proof that once led away from it.
TEST_F(CoreRootsTest, ADroppedRootStaysDropped) {
  roots_.Heard("v1", Hello({cross_, second_}));
  EXPECT_TRUE(Believes(new_));
  roots_.Heard("v1", Hello({second_}));
  ASSERT_EQ(Known(), only_second_);
  roots_.Heard("v1", Hello({cross_, second_}));
  roots_.Heard("v1", Hello({first_, cross_, second_}));
  EXPECT_EQ(Known(), only_second_);
  EXPECT_FALSE(Believes(old_));
}

TEST_F(CoreRootsTest, WhatCannotBeWrittenIsNotBelieved) {
  if (geteuid() == 0) GTEST_SKIP() << "root writes anywhere";
  ASSERT_EQ(chmod(dir_.path().c_str(), 0500), 0);
  roots_.Heard("v1", Hello({cross_, second_}));
  ASSERT_EQ(chmod(dir_.path().c_str(), 0700), 0);
  EXPECT_EQ(Known(), only_first_);
  EXPECT_FALSE(Believes(new_));
}

}  // namespace
}  // namespace norroy::agent
