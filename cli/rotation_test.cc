#include "cli/rotation.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cli/authorities.h"
#include "cli/layout.h"
#include "cli/revocation.h"
#include "common/clock/clock.h"
#include "common/error/error.h"
#include "common/identity/revocations.h"
#include "common/identity/roots.h"
#include "common/identity/verifying.h"

namespace norroy::cli {
namespace {

constexpr absl::string_view kDeployment = "d012345678";

class RotationTest : public testing::Test {
 protected:
  RotationTest() {
    dir_ = absl::StrCat(testing::TempDir(), "/",
                        testing::UnitTest::GetInstance()->current_test_info()->name());
    for (const char* domain : {layout::kCore, layout::kEdge}) {
      const auto root = CreateRoot(dir_, domain, kDeployment, now_);
      EXPECT_TRUE(root.ok()) << root.status();
    }
    for (const char* folder : {"issuer", "validator", "operator"}) {
      EXPECT_TRUE(MakeFolder(absl::StrCat(dir_, "/", folder)).ok());
    }
    Copy("core/root.pem",
         {layout::kIssuerCoreRoot, layout::kValidatorCoreRoot, layout::kOperatorCoreRoot});
    Copy("edge/root.pem", {layout::kValidatorEdgeRoot});
    Issue(types::v1::ROLE_ISSUER, layout::kIssuerIdentity);
    Issue(types::v1::ROLE_SEAL, layout::kIssuerSeal);
    Issue(types::v1::ROLE_OPERATOR, layout::kOperatorIdentity);
    EXPECT_TRUE(IssueEdgeAuthority(dir_, "validator", Path(layout::kValidatorEdgeCa), now_).ok());
  }

  std::string Path(absl::string_view name) const { return absl::StrCat(dir_, "/", name); }
  void Copy(absl::string_view from, const std::vector<const char*>& to) {
    const auto text = identity::ReadFile(Path(from), 64 * 1024);
    ASSERT_TRUE(text.ok()) << text.status();
    for (const char* place : to) {
      EXPECT_TRUE(identity::WriteFileAtomically(Path(place), *text, 0644).ok());
    }
  }
  void Issue(types::v1::Role role, const char* file) {
    std::vector<std::string> hosts;
    if (role == types::v1::ROLE_ISSUER) hosts = {"127.0.0.1"};
    const auto record = IssueIdentity(
        dir_, {{std::string(kDeployment), role, "main", ""}, hosts, 365, Path(file)}, now_);
    ASSERT_TRUE(record.ok()) << record.status();
  }
  std::vector<crypto::Certificate> Roots(absl::string_view file) const {
    auto roots = identity::ReadRoots(Path(file));
    EXPECT_TRUE(roots.ok()) << roots.status();
    return roots.ok() ? *std::move(roots) : std::vector<crypto::Certificate>();
  }
  // Whether who believes `roots` believes the identity of that file.
  bool Believes(const std::vector<crypto::Certificate>& roots, absl::string_view file) const {
    const auto identity = identity::ReadIdentityFile(Path(file));
    EXPECT_TRUE(identity.ok()) << identity.status();
    return identity.ok() &&
           identity::VerifyIdentity(identity->chain, roots, kDeployment, now_).ok();
  }

  std::string dir_;
  absl::Time now_ = absl::FromUnixSeconds(1800000000);
};

TEST_F(RotationTest, OneCoreRootFollowsAnotherAndNobodyIsLeftOut) {
  const std::vector<crypto::Certificate> old = Roots(layout::kIssuerCoreRoot);
  ASSERT_EQ(old.size(), 1u);
  const char* const bundles[] = {layout::kIssuerCoreRoot, layout::kValidatorCoreRoot,
                                 layout::kOperatorCoreRoot};
  const char* const identities[] = {layout::kIssuerIdentity, layout::kIssuerSeal,
                                    layout::kOperatorIdentity};

  const auto prepared = PrepareRoot(dir_, "core", now_);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  for (const char* bundle : bundles) EXPECT_EQ(Roots(bundle).size(), 2u) << bundle;
  // Nothing has moved yet: who knows the old root alone believes everybody.
  for (const char* identity : identities) EXPECT_TRUE(Believes(old, identity)) << identity;

  const auto active = ActivateRoot(dir_, "core", now_);
  ASSERT_TRUE(active.ok()) << active.status();
  EXPECT_EQ(active->issued_size(), 3);
  EXPECT_EQ(active->behind_size(), 0);
  EXPECT_NE(active->root_sha256(), prepared->root_sha256());
  const std::vector<crypto::Certificate> both = Roots(layout::kIssuerCoreRoot);
  const std::vector<crypto::Certificate> fresh = {OpenRoot(dir_, "core")->certificate};
  for (const char* identity : identities) {
    // By the new root, and by the cross certificate also for who has not heard of it.
    EXPECT_TRUE(Believes(fresh, identity)) << identity;
    EXPECT_TRUE(Believes(both, identity)) << identity;
    EXPECT_TRUE(Believes(old, identity)) << identity;
  }

  const absl::Status early = RetireRoot(dir_, "core", false, now_ + absl::Hours(1)).status();
  EXPECT_EQ(ErrorReason(early), "TOO_EARLY") << early;
  const auto retired = RetireRoot(dir_, "core", false, now_ + absl::Hours(25));
  ASSERT_TRUE(retired.ok()) << retired.status();
  for (const char* bundle : bundles) {
    ASSERT_EQ(Roots(bundle).size(), 1u) << bundle;
    EXPECT_EQ(Roots(bundle).front().der(), fresh.front().der()) << bundle;
  }
  for (const char* name : {"core/old.key", "core/old.pem", "core/next.key"}) {
    EXPECT_NE(access(Path(name).c_str(), F_OK), 0) << name;
  }
}

TEST_F(RotationTest, TheEdgeRootToo) {
  const std::vector<crypto::Certificate> old = Roots(layout::kValidatorEdgeRoot);
  ASSERT_TRUE(PrepareRoot(dir_, "edge", now_).ok());
  EXPECT_EQ(Roots(layout::kValidatorEdgeRoot).size(), 2u);
  const auto active = ActivateRoot(dir_, "edge", now_);
  ASSERT_TRUE(active.ok()) << active.status();
  EXPECT_EQ(active->issued_size(), 1);
  const auto edge = identity::ReadIdentityFile(Path(layout::kValidatorEdgeCa));
  ASSERT_TRUE(edge.ok()) << edge.status();
  EXPECT_TRUE(edge->chain.front().IsSignedBy(OpenRoot(dir_, "edge")->certificate));
  EXPECT_EQ(ErrorReason(RetireRoot(dir_, "edge", false, now_).status()), "TOO_EARLY");
  ASSERT_TRUE(RetireRoot(dir_, "edge", true, now_).ok());
  ASSERT_EQ(Roots(layout::kValidatorEdgeRoot).size(), 1u);
  EXPECT_NE(Roots(layout::kValidatorEdgeRoot).front().der(), old.front().der());
}

TEST_F(RotationTest, StepsHaveTheirTurn) {
  const auto reason = [](const absl::StatusOr<RotationReport>& report) {
    return ErrorReason(report.status());
  };
  EXPECT_EQ(reason(ActivateRoot(dir_, "core", now_)), "WRONG_STAGE");
  EXPECT_EQ(reason(RetireRoot(dir_, "core", true, now_)), "WRONG_STAGE");
  ASSERT_TRUE(PrepareRoot(dir_, "core", now_).ok());
  EXPECT_EQ(reason(PrepareRoot(dir_, "core", now_)), "WRONG_STAGE");
  ASSERT_TRUE(ActivateRoot(dir_, "core", now_).ok());
  EXPECT_EQ(reason(ActivateRoot(dir_, "core", now_)), "WRONG_STAGE");
  const auto status = RotationOf(dir_, "core", now_);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->state().stage(), ROTATION_STAGE_ACTIVE);
  EXPECT_NE(status->other_root_sha256(), "");
}

// Its state is the last thing that a step writes: cut short before, it is run again.
TEST_F(RotationTest, AStepThatWasCutShortIsRunAgain) {
  ASSERT_TRUE(PrepareRoot(dir_, "core", now_).ok());
  const std::vector<crypto::Certificate> both = Roots(layout::kIssuerCoreRoot);
  ASSERT_EQ(unlink(Path("core/rotation.json").c_str()), 0);
  ASSERT_TRUE(PrepareRoot(dir_, "core", now_).ok());
  // The same next root: hosts that have its bundle already stay right.
  EXPECT_EQ(Roots(layout::kIssuerCoreRoot).back().der(), both.back().der());
  const auto prepared = identity::ReadFile(Path("core/rotation.json"), 64 * 1024);
  const auto key = identity::ReadFile(Path("core/next.key"), 64 * 1024);
  const auto certificate = identity::ReadFile(Path("core/next.pem"), 64 * 1024);
  const auto cross = identity::ReadFile(Path("core/next-cross.pem"), 64 * 1024);
  ASSERT_TRUE(ActivateRoot(dir_, "core", now_).ok());
  // As if it had been cut short before it wrote its state.
  for (const auto& [name, text, mode] :
       {std::tuple("core/rotation.json", *prepared, 0644), std::tuple("core/next.key", *key, 0600),
        std::tuple("core/next.pem", *certificate, 0644),
        std::tuple("core/next-cross.pem", *cross, 0644)}) {
    ASSERT_TRUE(identity::WriteFileAtomically(Path(name), text, mode).ok());
  }
  const auto again = ActivateRoot(dir_, "core", now_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->issued_size(), 0);
  EXPECT_TRUE(Believes({both.front()}, layout::kIssuerIdentity));
  EXPECT_TRUE(Believes({OpenRoot(dir_, "core")->certificate}, layout::kIssuerIdentity));
}

TEST_F(RotationTest, ASealFollowsInOneStep) {
  const auto before = identity::ReadIdentityFile(Path(layout::kIssuerSeal));
  const auto report = RotateSeal(dir_, now_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->issued_size(), 1);
  const auto after = identity::ReadIdentityFile(Path(layout::kIssuerSeal));
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_NE(after->chain.front().spki_sha256(), before->chain.front().spki_sha256());
}

TEST_F(RotationTest, WhoIsRevokedStaysSoThroughARotation) {
  SimulatedClock clock(now_);
  const auto serial = SerialOf(Path(layout::kOperatorIdentity));
  ASSERT_TRUE(serial.ok()) << serial.status();
  const auto written = RevokeSerials(dir_, {*serial}, now_);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_GE(written->size(), 2u);
  const auto revocations = identity::Revocations::Open(Path(layout::kIssuerCoreRoot), clock);
  ASSERT_TRUE(revocations.ok()) << revocations.status();
  EXPECT_EQ(ErrorReason((*revocations)->Check(*serial, "operator/main")), "CERTIFICATE_REVOKED");
  EXPECT_TRUE((*revocations)->Check("0102", "operator/other").ok());

  ASSERT_TRUE(PrepareRoot(dir_, "core", now_).ok());
  const auto active = ActivateRoot(dir_, "core", now_);
  ASSERT_TRUE(active.ok()) << active.status();
  // Issuer and seal; who is revoked gets no successor.
  EXPECT_EQ(active->issued_size(), 2);
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(ErrorReason((*revocations)->Check(*serial, "operator/main")), "CERTIFICATE_REVOKED");
}

}  // namespace
}  // namespace norroy::cli
