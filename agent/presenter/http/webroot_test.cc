#include "agent/presenter/http/webroot.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/presenter/presenter_contract.h"
#include "common/crypto/encoding.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

namespace fs = std::filesystem;

std::string Slurp(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// An empty directory of its own for each test.
fs::path FreshRoot() {
  static int count = 0;
  const fs::path root = absl::StrCat(testing::TempDir(), "/root-", getpid(), "-", ++count);
  fs::create_directories(root);
  fs::permissions(root, fs::perms(0755));
  return root;
}

class WebrootUnderTest final : public PresenterUnderTest {
 public:
  Presenter& presenter() override { return *webroot_; }
  std::string Look(const challenge::Proof& proof) override {
    return Slurp(root_.string() + proof.http_path());
  }

 private:
  const fs::path root_ = FreshRoot();
  std::unique_ptr<Webroot> webroot_ = *Webroot::Open(root_.string());
};

std::unique_ptr<PresenterUnderTest> MakeWebroot() { return std::make_unique<WebrootUnderTest>(); }
INSTANTIATE_TEST_SUITE_P(Webroot, PresenterContract, testing::Values(&MakeWebroot));

class WebrootTest : public testing::Test {
 protected:
  const fs::path root_ = FreshRoot();
  const fs::path well_known_ = root_ / ".well-known";
  const fs::path challenges_ = well_known_ / "acme-challenge";
  const challenge::Proof proof_ = MakeProof("www.example.com", "token-1");
  std::unique_ptr<Webroot> webroot_ = *Webroot::Open(root_.string());
};

int Mode(const fs::path& path) {
  struct stat info = {};
  lstat(path.c_str(), &info);
  return info.st_mode & 07777;
}

TEST_F(WebrootTest, MakesWhatAWebServerCanReadAndNobodyElseWrite) {
  for (const mode_t mask : {077, 000, 027}) {
    fs::remove_all(well_known_);
    const mode_t before = umask(mask);
    const auto place = webroot_->PutUp(proof_, "");
    umask(before);
    ASSERT_TRUE(place.ok()) << place.status();
    EXPECT_EQ(*place, challenges_.string());
    EXPECT_EQ(Mode(well_known_), 0755) << std::oct << mask;
    EXPECT_EQ(Mode(challenges_), 0755) << std::oct << mask;
    EXPECT_EQ(Mode(challenges_ / "token-1"), 0644) << std::oct << mask;
    ASSERT_TRUE(webroot_->TakeDown(proof_, "").ok());
    EXPECT_TRUE(fs::is_empty(challenges_));
  }
}

TEST_F(WebrootTest, LeavesModesOfPresentDirectoriesAlone) {
  fs::create_directories(challenges_);
  fs::permissions(challenges_, fs::perms(0750));
  ASSERT_TRUE(webroot_->PutUp(proof_, "").ok());
  EXPECT_EQ(Mode(challenges_), 0750);
}

TEST_F(WebrootTest, FinishesWhatAKillLeftHalfMade) {
  for (const fs::path& path : {well_known_, challenges_}) {
    fs::remove_all(well_known_);
    fs::create_directories(path);
    fs::permissions(path, fs::perms(0700));
    ASSERT_TRUE(webroot_->PutUp(proof_, "").ok());
    EXPECT_EQ(Mode(path), 0755) << path;
    ASSERT_TRUE(webroot_->TakeDown(proof_, "").ok());
  }
}

TEST_F(WebrootTest, FollowsNoSymbolicLink) {
  const fs::path outside = FreshRoot();
  struct Case {
    const char* what;
    fs::path link;
    fs::path parents;
    fs::path target;
  };
  const fs::path victim = outside / "victim";
  std::ofstream(victim) << "precious";
  const Case cases[] = {
      {".well-known", well_known_, root_, outside},
      {"acme-challenge", challenges_, well_known_, outside},
      {"the file", challenges_ / "token-1", challenges_, victim},
      {"a dangling file", challenges_ / "token-1", challenges_, outside / "new"},
  };
  for (const Case& c : cases) {
    fs::remove_all(well_known_);
    fs::create_directories(c.parents);
    fs::create_symlink(c.target, c.link);
    const auto put = webroot_->PutUp(proof_, "");
    EXPECT_FALSE(put.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(put.status().message(), c.link.string())) << put.status();
    (void)webroot_->TakeDown(proof_, "");
    EXPECT_EQ(Slurp(victim), "precious") << c.what;
    EXPECT_EQ(std::distance(fs::directory_iterator(outside), fs::directory_iterator()), 1)
        << c.what;
    EXPECT_TRUE(fs::is_symlink(c.link)) << c.what;
  }
}

TEST_F(WebrootTest, RemovesOnlyWhatItWrote) {
  ASSERT_TRUE(webroot_->PutUp(proof_, "").ok());
  std::ofstream(challenges_ / "token-1") << "somebody else's";
  EXPECT_TRUE(webroot_->TakeDown(proof_, "").ok());
  EXPECT_EQ(Slurp(challenges_ / "token-1"), "somebody else's");
  EXPECT_FALSE(webroot_->PutUp(proof_, "").ok());
  EXPECT_EQ(Slurp(challenges_ / "token-1"), "somebody else's");
}

TEST_F(WebrootTest, RefusesADirectoryThatAnybodyMayWrite) {
  fs::create_directories(challenges_);
  for (const fs::path& path : {root_, well_known_, challenges_}) {
    fs::permissions(path, fs::perms(0777));
    const auto put = webroot_->PutUp(proof_, "");
    EXPECT_FALSE(put.ok()) << path;
    EXPECT_TRUE(absl::StrContains(put.status().message(), "0777")) << put.status();
    fs::permissions(path, fs::perms(0755));
  }
  EXPECT_TRUE(webroot_->PutUp(proof_, "").ok());
}

TEST_F(WebrootTest, ErrorsNameThePathAndTheReason) {
  EXPECT_TRUE(absl::StrContains(Webroot::Open((root_ / "none").string()).status().message(),
                                "No such file or directory"));
  std::ofstream(well_known_) << "a file where a directory belongs";
  const auto put = webroot_->PutUp(proof_, "");
  EXPECT_TRUE(absl::StrContains(put.status().message(), well_known_.string())) << put.status();
  EXPECT_TRUE(absl::StrContains(put.status().message(), "Not a directory")) << put.status();
  fs::remove(well_known_);

  const auto long_token = MakeProof("www.example.com", std::string(256, 'x'));
  const auto too_long = webroot_->PutUp(long_token, "");
  EXPECT_TRUE(absl::StrContains(too_long.status().message(), "File name too long"))
      << too_long.status();
  EXPECT_TRUE(fs::is_empty(challenges_)) << "something was left behind";
}

TEST_F(WebrootTest, WhatAKilledProcessLeftIsFoundAgain) {
  ASSERT_TRUE(webroot_->PutUp(proof_, "").ok());
  // The file is up; a new process puts it up and takes it down.
  auto next = *Webroot::Open(root_.string());
  ASSERT_TRUE(next->PutUp(proof_, "").ok());
  ASSERT_TRUE(next->TakeDown(proof_, "").ok());
  EXPECT_TRUE(fs::is_empty(challenges_));
}

TEST_F(WebrootTest, AHalfWrittenFileIsSweptWithItsToken) {
  const std::string temporary =
      absl::StrCat(".norroy-", crypto::Hex(crypto::Sha256("token-1")).substr(0, 32));
  for (const bool put_up_again : {false, true}) {
    fs::create_directories(challenges_);
    // Killed between creation and rename.
    std::ofstream(challenges_ / temporary) << "tok";
    if (put_up_again) {
      EXPECT_TRUE(webroot_->PutUp(proof_, "").ok());
    }
    EXPECT_TRUE(webroot_->TakeDown(proof_, "").ok());
    EXPECT_TRUE(fs::is_empty(challenges_));
  }
}

TEST_F(WebrootTest, FindsADocumentRootThatWasSwapped) {
  const fs::path second = FreshRoot();
  const fs::path current = absl::StrCat(root_.string(), "-current");
  fs::create_symlink(root_, current);
  auto webroot = *Webroot::Open(current.string());
  fs::remove(current);
  fs::create_symlink(second, current);
  ASSERT_TRUE(webroot->PutUp(proof_, "").ok());
  EXPECT_TRUE(fs::exists(second / ".well-known/acme-challenge/token-1"));
}

// A file system of our own at `path`, in a name space of our own; 0 or an errno. For a child.
int MountTmpfs(const fs::path& path, const char* options) {
  const std::string users = absl::StrCat("0 ", geteuid(), " 1");
  const std::string groups = absl::StrCat("0 ", getegid(), " 1");
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << users;
    std::ofstream("/proc/self/gid_map") << groups;
  }
  // Nobody else sees it, and it goes with this process.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno;
  return mount("tmpfs", path.c_str(), "tmpfs", 0, options) == 0 ? 0 : errno;
}

// Why this machine lets us mount nothing; empty if it does.
std::string WhyNoTmpfs(const fs::path& path) {
  const pid_t child = fork();
  if (child == 0) _exit(MountTmpfs(path, "mode=0755"));
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? "" : std::strerror(WEXITSTATUS(status));
}

#define NEEDS_TMPFS(path) \
  if (const std::string why = WhyNoTmpfs(path); !why.empty()) GTEST_SKIP() << "no tmpfs: " << why

// Prints what putting up says, and whether anything was left behind.
[[noreturn]] void PutUpAndTell(const fs::path& root) {
  auto webroot = *Webroot::Open(root.string());
  const auto put = webroot->PutUp(MakeProof("www.example.com", "token-1"), "");
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root / ".well-known")) {
    files += entry.is_regular_file();
  }
  std::fprintf(stderr, "%s; %d files left\n", put.status().ToString().c_str(), files);
  _exit(0);
}

TEST_F(WebrootTest, AFullFileSystemIsNamedAndNothingIsLeft) {
  NEEDS_TMPFS(root_);
  EXPECT_EXIT(
      {
        if (MountTmpfs(root_, "size=64k,mode=0755") != 0) _exit(1);
        fs::create_directories(challenges_);
        std::ofstream(root_ / "filler") << std::string(100'000, 'x') << std::flush;
        PutUpAndTell(root_);
      },
      testing::ExitedWithCode(0),
      "acme-challenge/.*cannot write: No space left on device .*; 0 files left");
}

TEST_F(WebrootTest, NoInodesIsNamed) {
  NEEDS_TMPFS(root_);
  EXPECT_EXIT(
      {
        if (MountTmpfs(root_, "nr_inodes=3,mode=0755") != 0) _exit(1);
        fs::create_directories(challenges_);
        PutUpAndTell(root_);
      },
      testing::ExitedWithCode(0),
      "acme-challenge/.*cannot create: No space left on device .*; 0 files left");
}

TEST_F(WebrootTest, AReadOnlyFileSystemIsNamed) {
  NEEDS_TMPFS(root_);
  EXPECT_EXIT(
      {
        if (MountTmpfs(root_, "mode=0755") != 0) _exit(1);
        fs::create_directories(challenges_);
        if (mount(nullptr, root_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) _exit(1);
        // What is not up needs no writing.
        if (!webroot_->TakeDown(proof_, "").ok()) _exit(1);
        PutUpAndTell(root_);
      },
      testing::ExitedWithCode(0),
      "acme-challenge/.*cannot create: Read-only file system .*; 0 files left");
}

// Without them root is a user as any other.
bool DropCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  return syscall(SYS_capset, &header, none) == 0;
}

TEST_F(WebrootTest, ADirectoryThatWeMayNotWriteIsNamed) {
  fs::create_directories(challenges_);
  fs::permissions(challenges_, fs::perms(0555));
  EXPECT_EXIT(
      {
        if (!DropCapabilities()) _exit(1);
        PutUpAndTell(root_);
      },
      testing::ExitedWithCode(0),
      "acme-challenge/.*cannot create: Permission denied .*; 0 files left");
}

}  // namespace
}  // namespace norroy::agent
