// Two CAs, of which the first is out of order: the second issues, in the same order.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/harness/ca_server.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

TEST(FailOver, TheSecondCaIssuesWhatTheFirstAnswers503) {
  const std::string dir = TempDir("fail_over");
  const int http_port = FreePort();
  const auto pebble = Pebble::Start(dir, {.http_port = http_port});
  const auto first = CaServer::Start(TempDir("first"), {.http_port = http_port});
  const auto norroy = Deployment::Start(
      dir, *pebble,
      {.cas = absl::StrCat("  - name: first\n    directory_url: ", first->place().directory_url,
                           "\n    root_file: ", first->place().tls_root_file,
                           "\n    agree_tos: true\n    fail_over:\n      - ca\n")});
  norroy->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port});
  norroy->CliOk({"issue", "before.example.test"});
  EXPECT_EQ(first->Record().certificates, 1);

  first->Refuse("newOrder", 503, "serverInternal", "3600", 100);
  norroy->CliOk({"issue", "after.example.test"});
  EXPECT_EQ(first->Record().certificates, 1);
  EXPECT_EQ(pebble->LogCount("Issued certificate serial"), 1);
  // The first is not asked again.
  const int asked = first->Count("newOrder");
  norroy->CliOk({"issue", "later.example.test"});
  EXPECT_EQ(first->Count("newOrder"), asked);

  const std::string audit = norroy->CliOk({"audit", "tail", "--action", "order.failed_over"});
  EXPECT_THAT(audit, HasSubstr("from first to ca: CA_UNAVAILABLE"));
  EXPECT_THAT(norroy->CliOk({"order", "list"}), HasSubstr("after.example.test"));
}

}  // namespace
}  // namespace norroy::harness
