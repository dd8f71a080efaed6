// The fake CA as a process serves a whole deployment as Pebble does; it is strict, and finds
// nothing.

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/harness/ca_server.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

TEST(FakeCa, FindsNothingWrongWithAnIssuance) {
  const std::string dir = TempDir("fake_ca");
  const int http_port = FreePort();
  const auto ca = CaServer::Start(dir, {.http_port = http_port,
                                        .nonce_rejection_percent = 20,
                                        .finalize_polls = 1,
                                        .validation_polls = 1,
                                        .retry_after_seconds = 1});
  const auto norroy = Deployment::Start(dir, ca->place(), {});
  norroy->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port});
  for (int n = 0; n < 3; ++n) {
    norroy->CliOk({"issue", absl::StrCat("n", n, ".example.test")});
  }
  const CaRecord record = ca->Record();
  EXPECT_EQ(record.violations, std::vector<std::string>());
  EXPECT_EQ(record.certificates, 3);
  ASSERT_EQ(record.orders.size(), 3u);
  for (const CaOrder& order : record.orders) {
    EXPECT_EQ(order.status, "valid");
    EXPECT_EQ(order.finalizes, 1);
    EXPECT_EQ(order.handed_out, 1);
  }
}

}  // namespace
}  // namespace norroy::harness
