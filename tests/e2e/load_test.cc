// Many orders at once against a CA that rejects every second nonce; nothing is left behind.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/sync/mutex.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

constexpr int kOrders = 200;
constexpr int kDomains = 5;
constexpr int kAtOnce = 32;

// The run of base64url characters at the start of `text`.
std::string Word(absl::string_view text) {
  size_t end = 0;
  while (end < text.size() &&
         (absl::ascii_isalnum(text[end]) || text[end] == '-' || text[end] == '_')) {
    ++end;
  }
  return std::string(text.substr(0, end));
}

// What stands behind `mark` in the lines of the log that say `what`, and how often.
std::map<std::string, int> WordsBehind(const std::string& log, absl::string_view mark,
                                       absl::string_view what) {
  std::map<std::string, int> words;
  for (const absl::string_view line : absl::StrSplit(log, '\n')) {
    const size_t at = line.find(mark);
    if (at != absl::string_view::npos && absl::StrContains(line, what)) {
      ++words[Word(line.substr(at + mark.size()))];
    }
  }
  return words;
}

// One line of processes, and what went wrong when all orders went through it.
struct Passage {
  int http_port = 0;
  std::unique_ptr<Pebble> pebble;
  std::unique_ptr<Deployment> norroy;
  std::vector<std::string> failures;
};

std::vector<std::string> IssueAll(Deployment& norroy) {
  std::atomic<int> next = 0;
  Mutex mutex;
  std::vector<std::string> failures;
  std::vector<std::thread> callers;
  for (int i = 0; i < kAtOnce; ++i) {
    callers.emplace_back([&] {
      for (int n = next++; n < kOrders; n = next++) {
        const Output output = norroy.Cli(
            {"issue", absl::StrCat("n", n, ".example", n % kDomains, ".test")}, absl::Minutes(2));
        if (output.code == 0) continue;
        MutexLock lock(&mutex);
        failures.push_back(absl::StrCat("order ", n, ": exit ", output.code, "\n", output.err));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  return failures;
}

Passage RunOnce(const std::string& dir) {
  Passage run;
  run.http_port = FreePort();
  run.pebble = Pebble::Start(
      dir, {.http_port = run.http_port, .nonce_reject_percent = 50, .authz_reuse_percent = 0});
  run.norroy = Deployment::Start(dir, *run.pebble);
  // No domain has more orders than an operator's quota for one day.
  std::vector<std::string> patterns;
  for (int i = 0; i < kDomains; ++i) patterns.push_back(absl::StrCat(".example", i, ".test"));
  run.norroy->AddAgent("web1", {.patterns = patterns, .http_port = run.http_port});
  run.failures = IssueAll(*run.norroy);
  return run;
}

TEST(Load, TwoHundredOrdersThirtyTwoAtATimeAtFiftyPercentNonceRejection) {
  Passage run = RunOnce(TempDir("load"));
  for (int again = 0; again < 2 && !run.failures.empty() && run.pebble->StandsStill(); ++again) {
    std::printf("Pebble stands still; all from the beginning\n");
    run = Passage();
    run = RunOnce(TempDir("load"));
  }
  for (const std::string& failure : run.failures) ADD_FAILURE() << failure;
  const auto& [http_port, pebble, norroy, failures] = run;

  const std::string log = ReadAll(pebble->log());
  EXPECT_EQ(pebble->LogCount("Issued certificate serial"), kOrders);
  const std::map<std::string, int> finalized =
      WordsBehind(log, "Order ", "Processing finalization");
  EXPECT_EQ(finalized.size(), static_cast<size_t>(kOrders));
  for (const auto& [order, times] : finalized) EXPECT_EQ(times, 1) << order;

  EXPECT_TRUE(Eventually([&] { return norroy->Presented("web1") == 0; }));
  const std::map<std::string, int> tokens = WordsBehind(log, "/.well-known/acme-challenge/", "");
  EXPECT_GE(tokens.size(), static_cast<size_t>(kOrders));
  for (const auto& [token, looks] : tokens) {
    const std::string path = "/.well-known/acme-challenge/" + token;
    for (int n = 0; n < 3; ++n) {
      EXPECT_EQ(HttpGet(http_port, absl::StrCat("n", n, ".example.test"), path).status, 404);
    }
  }
}

}  // namespace
}  // namespace norroy::harness
