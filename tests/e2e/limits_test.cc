// A CA of which few orders can be had: what would overdraw it waits, and says until when.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

TEST(Limits, WhatIsNotLeftWaitsAndSaysUntilWhen) {
  const std::string dir = TempDir("limits");
  const int http_port = FreePort();
  const auto pebble = Pebble::Start(dir, {.http_port = http_port});
  // Four at once, and one more each 15 s.
  const auto norroy = Deployment::Start(
      dir, *pebble,
      {.cas = absl::StrCat("  - name: limited\n    directory_url: ", pebble->place().directory_url,
                           "\n    root_file: ", pebble->place().tls_root_file,
                           "\n    agree_tos: true\n    limits:\n      new_orders_per_account:\n"
                           "        count: 5\n        per_minutes: 1\n")});
  norroy->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port});
  EXPECT_THAT(norroy->CliOk({"limits", "show"}),
              ContainsRegex("limited +new_orders_per_account +- +5 in 1m +4 +0 "));
  for (int i = 0; i < 4; ++i) norroy->CliOk({"issue", absl::StrCat("w", i, ".example.test")});

  const std::string created = norroy->CliOk({"order", "create", "last.example.test", "-o", "json"});
  const std::string id = Deployment::Field(created, "id");
  EXPECT_TRUE(Eventually([&] {
    return norroy->CliOk({"order", "show", id}).find("the rate limits of limited; its turn") !=
           std::string::npos;
  }));
  EXPECT_THAT(norroy->CliOk({"limits", "show", "--ca", "limited"}),
              ContainsRegex("limited +new_orders_per_account +- +5 in 1m +0 +1 "));
  EXPECT_THAT(norroy->CliOk({"limits", "plan", "--count", "9", "--names-per-certificate", "3"}),
              HasSubstr("3 orders, 0 left now, 1 wait"));
  EXPECT_EQ(pebble->LogCount("POST /order-plz"), 4);

  // At another CA it need not wait.
  norroy->CliOk({"issue", "other.example.test", "--ca", "ca"});
  EXPECT_TRUE(Eventually(
      [&] {
        return Deployment::Field(norroy->CliOk({"order", "show", id, "-o", "json"}), "state") ==
               "ORDER_STATE_READY";
      },
      absl::Seconds(40)));
}

}  // namespace
}  // namespace norroy::harness
