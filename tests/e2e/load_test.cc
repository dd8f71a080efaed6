// Many orders at once against a CA that rejects every second nonce; nothing is left behind.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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

TEST(Load, TwoHundredOrdersThirtyTwoAtATimeAtFiftyPercentNonceRejection) {
  const std::string dir = TempDir("load");
  const int http_port = FreePort();
  const auto pebble = Pebble::Start(
      dir, {.http_port = http_port, .nonce_reject_percent = 50, .authz_reuse_percent = 0});
  const auto norroy = Deployment::Start(dir, *pebble);
  // No domain has more orders than an operator's quota for one day.
  std::vector<std::string> patterns;
  for (int i = 0; i < kDomains; ++i) patterns.push_back(absl::StrCat(".example", i, ".test"));
  norroy->AddAgent("web1", {.patterns = patterns, .http_port = http_port});

  std::atomic<int> next = 0;
  std::atomic<int> issued = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kAtOnce; ++i) {
    callers.emplace_back([&] {
      for (int n = next++; n < kOrders; n = next++) {
        const Output output = norroy->Cli(
            {"issue", absl::StrCat("n", n, ".example", n % kDomains, ".test")}, absl::Minutes(5));
        if (output.code == 0) {
          ++issued;
        } else {
          ADD_FAILURE() << "order " << n << ": exit " << output.code << "\n" << output.err;
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(issued, kOrders);

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
