// Many orders at once against a CA that rejects every second nonce; nothing is left behind.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <regex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

constexpr int kOrders = 200;
constexpr int kAtOnce = 32;

// The CA's order ids in lines of its log that say `what`.
std::map<std::string, int> OrdersIn(const std::string& log, const std::string& what) {
  std::map<std::string, int> orders;
  const std::regex id("[Oo]rder ([A-Za-z0-9_-]{20,})");
  for (const absl::string_view line : absl::StrSplit(log, '\n')) {
    const std::string text(line);
    std::smatch match;
    if (text.find(what) != std::string::npos && std::regex_search(text, match, id)) {
      ++orders[match[1]];
    }
  }
  return orders;
}

// The tokens of all challenges that the CA looked at.
std::set<std::string> TokensIn(const std::string& log) {
  std::set<std::string> tokens;
  const std::regex path("/\\.well-known/acme-challenge/([A-Za-z0-9_-]+)");
  for (auto it = std::sregex_iterator(log.begin(), log.end(), path); it != std::sregex_iterator();
       ++it) {
    tokens.insert((*it)[1]);
  }
  return tokens;
}

TEST(Load, TwoHundredOrdersThirtyTwoAtATimeAtFiftyPercentNonceRejection) {
  const std::string dir = TempDir("load");
  const int http_port = FreePort();
  const auto pebble = Pebble::Start(
      dir, {.http_port = http_port, .nonce_reject_percent = 50, .authz_reuse_percent = 0});
  const auto norroy = Deployment::Start(dir, *pebble);
  norroy->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port});

  std::atomic<int> next = 0;
  std::atomic<int> issued = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kAtOnce; ++i) {
    callers.emplace_back([&] {
      for (int n = next++; n < kOrders; n = next++) {
        const Output output =
            norroy->Cli({"issue", absl::StrCat("n", n, ".example.test")}, absl::Minutes(5));
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
  const std::map<std::string, int> finalized = OrdersIn(log, "Processing finalization");
  EXPECT_EQ(finalized.size(), static_cast<size_t>(kOrders));
  for (const auto& [order, times] : finalized) EXPECT_EQ(times, 1) << order;

  EXPECT_TRUE(Eventually([&] { return norroy->Presented("web1") == 0; }));
  const std::set<std::string> tokens = TokensIn(log);
  EXPECT_GE(tokens.size(), static_cast<size_t>(kOrders));
  for (const std::string& token : tokens) {
    const std::string path = "/.well-known/acme-challenge/" + token;
    for (int n = 0; n < 3; ++n) {
      EXPECT_EQ(HttpGet(http_port, absl::StrCat("n", n, ".example.test"), path).status, 404);
    }
  }
}

}  // namespace
}  // namespace norroy::harness
