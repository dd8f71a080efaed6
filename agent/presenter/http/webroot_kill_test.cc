// A process that puts up and takes down, killed at random moments: a file of a web root is whole or
// absent, whoever looks whenever.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "agent/presenter/http/webroot.h"
#include "agent/presenter/presenter_contract.h"
#include "gtest/gtest.h"

namespace norroy::agent {

// Only its proofs are needed here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PresenterContract);

namespace {

namespace fs = std::filesystem;

constexpr int kKills = 500;
constexpr int kTokens = 4;

challenge::Proof ProofOf(int i) {
  return MakeProof(absl::StrCat("n", i, ".example.com"), absl::StrCat("token-", i));
}

std::unique_ptr<Webroot> Open(const fs::path& root) { return *Webroot::Open(root.string()); }

// Until it is killed. For a child.
[[noreturn]] void PutUpAndTakeDown(const fs::path& root) {
  const auto webroot = Open(root);
  for (int i = 0;; i = (i + 1) % kTokens) {
    const challenge::Proof proof = ProofOf(i);
    if (!webroot->PutUp(proof, "").ok()) _exit(1);
    if (!webroot->TakeDown(proof, "").ok()) _exit(2);
  }
}

// How many are there; each of them is whole.
int LookAtAll(const fs::path& root) {
  int there = 0;
  for (int i = 0; i < kTokens; ++i) {
    const challenge::Proof proof = ProofOf(i);
    std::ifstream in(root.string() + proof.http_path());
    if (!in) continue;
    const std::string text(std::istreambuf_iterator<char>(in), {});
    EXPECT_EQ(text, proof.key_authorization.value());
    ++there;
  }
  return there;
}

TEST(WebrootKill, FilesAreWholeOrAbsent) {
  const fs::path root = absl::StrCat(testing::TempDir(), "/kills-", getpid());
  const fs::path challenges = root / ".well-known/acme-challenge";
  fs::create_directories(root);
  fs::permissions(root, fs::perms(0755));
  std::minstd_rand random(1);
  int seen = 0;
  int left = 0;
  int half = 0;
  for (int kill_number = 0; kill_number < kKills; ++kill_number) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) PutUpAndTakeDown(root);
    // As a web server looks meanwhile.
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 5000 + 200);
    while (std::chrono::steady_clock::now() < end) seen += LookAtAll(root);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    left += LookAtAll(root);
    if (!fs::exists(challenges)) continue;
    for (const auto& entry : fs::directory_iterator(challenges)) {
      half += entry.path().filename().string()[0] == '.';
    }
    // Every tenth time somebody starts anew and sweeps.
    if (kill_number % 10 != 9) continue;
    const auto next = Open(root);
    for (int i = 0; i < kTokens; ++i) EXPECT_TRUE(next->TakeDown(ProofOf(i), "").ok());
    EXPECT_TRUE(fs::is_empty(challenges));
  }
  // The kills came at moments that matter.
  EXPECT_GT(seen, 0);
  EXPECT_GT(left, 0);
  EXPECT_GT(half, 0);
}

}  // namespace
}  // namespace norroy::agent
