#include "validator/edge_authority.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/identity/issuing.h"
#include "common/identity/roots.h"

namespace norroy::validator {
namespace {

class EdgeAuthorityTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string base = absl::StrCat(
        testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
    path_ = base + ".edge-ca.pem";
    root_file_ = base + ".root.pem";
    ASSERT_TRUE(identity::WriteFileAtomically(root_file_, root_.certificate.ToPem(), 0644).ok());
    WriteIntermediate(root_);
  }
  identity::Authority Root() {
    return identity::MakeRoot("edge", "test", clock_.Now(), absl::Hours(24 * 365)).value();
  }
  void WriteIntermediate(const identity::Authority& root) {
    const auto edge = identity::MakeIntermediate(root, "validator", "edge.test", clock_.Now(),
                                                 absl::Hours(24 * 30));
    ASSERT_TRUE(edge.ok()) << edge.status();
    ASSERT_TRUE(identity::WriteIdentityFile(path_, {edge->key, {edge->certificate}}).ok());
  }

  SimulatedClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  const identity::Authority root_ = Root();
  std::string path_;
  std::string root_file_;
};

TEST_F(EdgeAuthorityTest, WhatReplacesItIsTakenUp) {
  const auto authority = EdgeAuthority::Open(path_, root_file_, "test", clock_);
  ASSERT_TRUE(authority.ok()) << authority.status();
  const auto before = (*authority)->Get();
  WriteIntermediate(root_);
  clock_.Advance(absl::Seconds(5));
  EXPECT_NE((*authority)->Get()->certificate.der(), before->certificate.der());
}

TEST_F(EdgeAuthorityTest, OneOfAnotherRootIsNot) {
  const auto authority = EdgeAuthority::Open(path_, root_file_, "test", clock_);
  ASSERT_TRUE(authority.ok()) << authority.status();
  const auto before = (*authority)->Get();
  const identity::Authority next = Root();
  WriteIntermediate(next);
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ((*authority)->Get()->certificate.der(), before->certificate.der());
  // Believed while one root follows another; it counts with the next change of its file.
  ASSERT_TRUE(identity::WriteFileAtomically(
                  root_file_, identity::RootsToPem({root_.certificate, next.certificate}), 0644)
                  .ok());
  WriteIntermediate(next);
  clock_.Advance(absl::Seconds(5));
  EXPECT_NE((*authority)->Get()->certificate.der(), before->certificate.der());
}

TEST_F(EdgeAuthorityTest, IsCheckedAtTheStart) {
  EXPECT_FALSE(EdgeAuthority::Open(path_, root_file_, "elsewhere", clock_).ok());
  EXPECT_FALSE(EdgeAuthority::Open(path_ + ".not", root_file_, "test", clock_).ok());
  clock_.Advance(absl::Hours(24 * 31));
  EXPECT_FALSE(EdgeAuthority::Open(path_, root_file_, "test", clock_).ok());
}

}  // namespace
}  // namespace norroy::validator
