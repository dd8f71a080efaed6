#include "agent/state/state_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1770000000);
constexpr char kEnrollmentId[] = "0123456789abcdef0123456789abcdef";

class StateDirTest : public testing::Test {
 protected:
  StateDirTest() {
    static int count = 0;
    path_ = absl::StrCat(testing::TempDir(), "/state-", getpid(), "-", ++count);
  }

  identity::IdentityFile MakeIdentity(const std::string& name) {
    auto edge_root = *identity::MakeRoot("edge", "lab", kNow, absl::Hours(24));
    auto edge = *identity::MakeIntermediate(edge_root, "edge", "edge.lab", kNow, absl::Hours(24));
    auto key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
    identity::LeafRequest request;
    request.identity = {"lab", types::v1::ROLE_AGENT, name, kEnrollmentId};
    request.now = kNow;
    request.lifetime = absl::Hours(1);
    auto leaf = *identity::IssueLeaf(edge, key.public_key(), request);
    return {std::move(key), {std::move(leaf), edge.certificate}};
  }

  Enrollment MakeEnrollment() {
    return {.identity = {"lab", types::v1::ROLE_AGENT, "web-1", kEnrollmentId},
            .validators = {"192.0.2.1:7443", "192.0.2.2:7443"},
            .core_roots = {core_root_.certificate},
            .scope = *challenge::ParsePatterns({"www.example.com", ".example.net"})};
  }

  static std::string ReadState(const StateDir& dir) {
    return *identity::ReadFile(dir.state_file(), 100000);
  }

  const identity::Authority core_root_ = *identity::MakeRoot("core", "lab", kNow, absl::Hours(24));
  std::string path_;
};

TEST_F(StateDirTest, SavesAndLoads) {
  const auto dir = StateDir::Create(path_);
  ASSERT_TRUE(dir.ok()) << dir.status();
  EXPECT_FALSE(dir->enrolled());
  EXPECT_EQ(ErrorReason(dir->Load().status()), "NOT_ENROLLED");
  ASSERT_TRUE(dir->Save(MakeEnrollment(), MakeIdentity("web-1")).ok());
  EXPECT_TRUE(dir->enrolled());

  const auto loaded = StateDir::Open(path_)->Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->identity, MakeEnrollment().identity);
  EXPECT_EQ(loaded->validators, MakeEnrollment().validators);
  EXPECT_EQ(loaded->core_roots.at(0).fingerprint(), core_root_.certificate.fingerprint());
  EXPECT_EQ(loaded->scope, MakeEnrollment().scope);
  struct stat info;
  ASSERT_EQ(stat(dir->identity_file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(StateDirTest, PartsMustFit) {
  const auto dir = *StateDir::Create(path_);
  ASSERT_TRUE(dir.Save(MakeEnrollment(), MakeIdentity("web-2")).ok());
  EXPECT_EQ(ErrorReason(dir.Load().status()), "BAD_STATE") << dir.Load().status();

  ASSERT_TRUE(dir.Save(MakeEnrollment(), MakeIdentity("web-1")).ok());
  ASSERT_TRUE(dir.Load().ok());
  const auto other = *identity::MakeRoot("core", "lab", kNow, absl::Hours(24));
  std::ofstream(dir.core_root_file()) << other.certificate.ToPem();
  EXPECT_EQ(ErrorReason(dir.Load().status()), "BAD_STATE") << "a root that is not the pinned one";
  std::ofstream(dir.core_root_file()) << core_root_.certificate.ToPem();
  ASSERT_TRUE(dir.Load().ok());

  ASSERT_EQ(chmod(dir.scope_file().c_str(), 0666), 0);
  EXPECT_EQ(ErrorReason(dir.Load().status()), "BAD_SCOPE");
  ASSERT_EQ(chmod(dir.scope_file().c_str(), 0644), 0);
  ASSERT_EQ(chmod(dir.identity_file().c_str(), 0640), 0);
  EXPECT_FALSE(dir.Load().ok());
  ASSERT_EQ(chmod(dir.identity_file().c_str(), 0600), 0);
  std::ofstream(dir.state_file()) << "deployment: lab\nnonsense: 1\n";
  EXPECT_TRUE(absl::StrContains(dir.Load().status().message(), dir.state_file()));
}

TEST_F(StateDirTest, OneRootFollowsAnother) {
  const auto dir = *StateDir::Create(path_);
  ASSERT_TRUE(dir.Save(MakeEnrollment(), MakeIdentity("web-1")).ok());
  const auto next = *identity::MakeRoot("core", "lab", kNow, absl::Hours(24));
  const std::string before = ReadState(dir);
  ASSERT_TRUE(dir.SaveCoreRoots({next.certificate, core_root_.certificate}).ok());
  auto loaded = dir.Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->core_roots.size(), 2u);
  EXPECT_EQ(loaded->core_roots[0].fingerprint(), next.certificate.fingerprint());
  // Cut short between the two files, on the way in and on the way out.
  const std::string both = ReadState(dir);
  std::ofstream(dir.core_root_file()) << core_root_.certificate.ToPem();
  EXPECT_EQ(dir.Load()->core_roots.size(), 1u);
  ASSERT_TRUE(dir.SaveCoreRoots({next.certificate}).ok());
  EXPECT_EQ(dir.Load()->core_roots.size(), 1u);
  std::ofstream(dir.state_file()) << both;
  EXPECT_TRUE(dir.Load().ok());
  // The pins are what counts: one that is not pinned (any more) is refused.
  ASSERT_TRUE(dir.SaveCoreRoots({next.certificate}).ok());
  std::ofstream(dir.core_root_file()) << next.certificate.ToPem() << core_root_.certificate.ToPem();
  EXPECT_EQ(ErrorReason(dir.Load().status()), "BAD_STATE");
  std::ofstream(dir.state_file()) << before;
  EXPECT_EQ(ErrorReason(dir.Load().status()), "BAD_STATE") << "the new one was not pinned then";
}

TEST_F(StateDirTest, MustBePrivate) {
  ASSERT_TRUE(StateDir::Create(path_).ok());
  for (const mode_t mode : {0750, 0701, 0770}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_FALSE(StateDir::Open(path_).ok()) << std::oct << mode;
  }
  ASSERT_EQ(chmod(path_.c_str(), 0700), 0);
  EXPECT_TRUE(StateDir::Open(path_).ok());
  EXPECT_FALSE(StateDir::Open(path_ + "/none").ok());
  EXPECT_TRUE(StateDir::Create(path_ + "/above/below").ok());
  std::ofstream(path_ + "/file") << "x";
  EXPECT_FALSE(StateDir::Create(path_ + "/file").ok());
  EXPECT_FALSE(StateDir::Create(path_ + "/file/below").ok());
}

TEST_F(StateDirTest, OneProcessAtATime) {
  auto first = *StateDir::Create(path_);
  ASSERT_TRUE(first.Lock().ok());
  {
    auto second = *StateDir::Open(path_);
    EXPECT_FALSE(second.Lock().ok());
  }
  auto moved = std::move(first);
  EXPECT_FALSE(StateDir::Open(path_)->Lock().ok());
}

}  // namespace
}  // namespace norroy::agent
