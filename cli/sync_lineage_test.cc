#include "cli/sync_lineage.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/sync_test_ca.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"

namespace norroy::cli {
namespace {

namespace fs = std::filesystem;

class LineageTest : public testing::Test {
 protected:
  CertificateSet Issue() { return ca_.Issue({.not_before = crypto::TestNow()}); }
  std::string Read(const std::string& path) { return *identity::ReadFile(path, 100000); }
  static mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  // The installed set's fingerprint, which must be whole; "" if there is none.
  std::string Installed() {
    const auto set = lineage_.Read();
    EXPECT_TRUE(set.ok()) << set.status();
    if (!set.ok() || !set->has_value()) return "";
    // Key and certificate match by Read; the other files are of the same set.
    const CertificateSet& whole = **set;
    EXPECT_EQ(Read(lineage_.File("cert")), whole.chain.leaf().ToPem());
    EXPECT_EQ(Read(lineage_.File("fullchain")),
              Read(lineage_.File("cert")) + Read(lineage_.File("chain")));
    return whole.chain.leaf().fingerprint();
  }
  std::set<std::string> Archive() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ + "/archive/www.example.com")) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  const SyncTestCa ca_;
  const std::string folder_ = NewSyncFolder();
  const WantedCertificate wanted_ = Wanted();
  Lineage lineage_{folder_, "www.example.com"};
};

TEST_F(LineageTest, IsLaidOutAsCertbotDoes) {
  EXPECT_EQ(Installed(), "");
  const CertificateSet set = Issue();
  ASSERT_TRUE(lineage_.Install(set, wanted_).ok());
  EXPECT_EQ(Installed(), set.chain.leaf().fingerprint());
  for (const std::string kind : {"cert", "chain", "fullchain", "privkey"}) {
    EXPECT_EQ(fs::canonical(absl::StrCat(folder_, "/live/www.example.com/", kind, ".pem")),
              fs::canonical(absl::StrCat(folder_, "/archive/www.example.com/", kind, "1.pem")));
  }
  EXPECT_EQ(Read(lineage_.File("privkey")), set.key.ToPem().Expose());
  EXPECT_FALSE(fs::exists(lineage_.File("bundle")));
  // The folder may be moved.
  EXPECT_TRUE(fs::read_symlink(lineage_.live()).is_relative());
}

TEST_F(LineageTest, ModesDoNotDependOnTheUmask) {
  for (const mode_t mask : {0, 077, 0777}) {
    const mode_t before = umask(mask);
    Lineage lineage(folder_, absl::StrCat("mask", mask));
    const absl::Status installed = lineage.Install(Issue(), wanted_);
    umask(before);
    ASSERT_TRUE(installed.ok()) << installed;
    EXPECT_EQ(ModeOf(lineage.File("privkey")), 0600u);
    EXPECT_EQ(ModeOf(lineage.File("fullchain")), 0644u);
    EXPECT_EQ(ModeOf(lineage.live()), 0755u);
  }
}

TEST_F(LineageTest, ModeAndOwnerAreKeptOrAsConfigured) {
  ASSERT_TRUE(lineage_.Install(Issue(), wanted_).ok());
  // As an administrator lets a group read it; what nobody may have is not passed on.
  ASSERT_EQ(chmod(lineage_.File("privkey").c_str(), 0644), 0);
  EXPECT_FALSE(lineage_.FilesFit(wanted_)) << "anybody can read the key";
  // Not in every sandbox is there anybody to give it to.
  const bool given = chown(lineage_.File("privkey").c_str(), 65534, 33) == 0;
  ASSERT_TRUE(lineage_.Install(Issue(), wanted_).ok());
  EXPECT_EQ(ModeOf(lineage_.File("privkey")), 0640u);
  EXPECT_TRUE(lineage_.FilesFit(wanted_));
  if (given) {
    struct stat info = {};
    ASSERT_EQ(stat(lineage_.File("privkey").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 65534u);
    EXPECT_EQ(info.st_gid, 33u);
  }
  WantedCertificate other = wanted_;
  other.access = {geteuid(), getegid(), 0600};
  EXPECT_FALSE(lineage_.FilesFit(other));
  ASSERT_TRUE(lineage_.Install(Issue(), other).ok());
  EXPECT_EQ(ModeOf(lineage_.File("privkey")), 0600u);
  EXPECT_TRUE(lineage_.FilesFit(other));
}

TEST_F(LineageTest, ABundleHoldsChainAndKey) {
  WantedCertificate wanted = wanted_;
  wanted.bundle = true;
  const CertificateSet set = Issue();
  ASSERT_TRUE(lineage_.Install(set, wanted_).ok());
  EXPECT_FALSE(lineage_.FilesFit(wanted));
  ASSERT_TRUE(lineage_.Install(set, wanted).ok());
  EXPECT_TRUE(lineage_.FilesFit(wanted));
  EXPECT_EQ(Read(lineage_.File("bundle")),
            Read(lineage_.File("fullchain")) + Read(lineage_.File("privkey")));
  EXPECT_EQ(ModeOf(lineage_.File("bundle")), 0600u);
}

TEST_F(LineageTest, TheLastThreeAreKept) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(lineage_.Install(Issue(), wanted_).ok());
  std::set<std::string> expected;
  for (const int number : {4, 5, 6}) {
    for (const std::string kind : {"cert", "chain", "fullchain", "privkey"}) {
      expected.insert(absl::StrCat(kind, number, ".pem"));
    }
    expected.insert(absl::StrCat("set", number));
  }
  EXPECT_EQ(Archive(), expected);
}

TEST_F(LineageTest, WhatIsNotWholeIsSaid) {
  ASSERT_TRUE(lineage_.Install(Issue(), wanted_).ok());
  const std::string good = Read(lineage_.File("privkey"));
  const auto expect_broken = [this](const std::string& what) {
    EXPECT_EQ(ErrorReason(lineage_.Read().status()), "BROKEN_SET") << what;
  };
  std::ofstream(lineage_.File("privkey")) << "nonsense";
  expect_broken("no key");
  std::ofstream(lineage_.File("privkey")) << Issue().key.ToPem().Expose();
  expect_broken("another key");
  std::ofstream(lineage_.File("privkey")) << good;
  ASSERT_TRUE(lineage_.Read().ok());
  fs::remove(fs::canonical(lineage_.File("chain")));
  expect_broken("no chain");
  fs::remove_all(folder_ + "/archive/www.example.com/set1");
  expect_broken("a link that leads nowhere");
  const CertificateSet set = Issue();
  ASSERT_TRUE(lineage_.Install(set, wanted_).ok());
  EXPECT_EQ(Installed(), set.chain.leaf().fingerprint());
}

TEST_F(LineageTest, OthersFoldersAreLeftAlone) {
  fs::create_directories(lineage_.live());
  std::ofstream(lineage_.File("privkey")) << "somebody's";
  EXPECT_EQ(ErrorReason(lineage_.Read().status()), "FOREIGN_FOLDER");
  EXPECT_EQ(ErrorReason(lineage_.Install(Issue(), wanted_)), "FOREIGN_FOLDER");
  EXPECT_EQ(Read(lineage_.File("privkey")), "somebody's");
  fs::remove_all(lineage_.live());
  fs::create_directories(folder_ + "/elsewhere");
  fs::create_symlink("../elsewhere", lineage_.live());
  EXPECT_EQ(ErrorReason(lineage_.Install(Issue(), wanted_)), "FOREIGN_FOLDER");
}

TEST_F(LineageTest, APairThatDoesNotMatchIsNeverInstalled) {
  const CertificateSet set = Issue();
  ASSERT_TRUE(lineage_.Install(set, wanted_).ok());
  EXPECT_FALSE(lineage_.Install({Issue().chain, Issue().key}, wanted_).ok());
  EXPECT_EQ(Installed(), set.chain.leaf().fingerprint());
}

// Runs `work` in a child that is killed when it enters its system call of this number; false: it
// ended before that.
template <typename Work>
bool KilledAtCall(int number, Work work) {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  // Entry and exit of a call both stop it.
  for (int stop = 0; stop < 2 * number + 1; ++stop) {
    if (ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0) break;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) return false;
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return true;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// A sanitizer's runtime makes calls of its own, and may itself want to trace.
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

bool CanTrace() {
  const pid_t child = fork();
  if (child == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(LineageTest, KilledAtAnyCallItIsTheOldSetOrTheNew) {
  if (kSanitized) GTEST_SKIP() << "sanitizers are not traced";
  if (!CanTrace()) GTEST_SKIP() << "ptrace is not allowed here";
  WantedCertificate wanted = wanted_;
  wanted.bundle = true;
  std::string installed;
  int calls = 0;
  int switched = 0;
  for (;; ++calls) {
    const CertificateSet fresh = Issue();
    const bool killed = KilledAtCall(
        calls, [&] { (void)Lineage(folder_, "www.example.com").Install(fresh, wanted); });
    const std::string now = Installed();
    const std::string& renewed = fresh.chain.leaf().fingerprint();
    EXPECT_TRUE(now == installed || now == renewed) << "killed at call " << calls;
    if (now == renewed) ++switched;
    installed = now;
    if (!killed) break;
  }
  EXPECT_GT(calls, 40);
  EXPECT_GT(switched, 1) << "also after the switch there are calls";
  // What the killed ones left is cleared away.
  ASSERT_TRUE(lineage_.Install(Issue(), wanted).ok());
  EXPECT_EQ(Archive().size(), 3u * 6);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ + "/live"), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace norroy::cli
