// What monitoring sees of a deployment that works, as Prometheus reads it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "absl/strings/str_cat.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

std::string ListenOn(int port) {
  return absl::StrCat("diagnostics:\n  listen:\n    - 127.0.0.1:", port, "\n");
}

class Monitoring : public ::testing::Test {
 protected:
  Monitoring() : dir_(TempDir("monitoring")) {
    const int http_port = FreePort();
    pebble_ = Pebble::Start(dir_, {.http_port = http_port});
    norroy_ = Deployment::Start(
        dir_, *pebble_,
        {.cas =
             absl::StrCat("  - name: limited\n    directory_url: ", pebble_->place().directory_url,
                          "\n    root_file: ", pebble_->place().tls_root_file,
                          "\n    agree_tos: true\n    limits:\n      new_orders_per_account:\n"
                          "        count: 10\n        per_minutes: 60\n"),
         .issuer = ListenOn(issuer_port_),
         .validator = ListenOn(validator_port_)});
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port});
  }

  static std::string Metrics(int port) { return HttpGet(port, "127.0.0.1", "/metrics").body; }

  static bool Shows(int port, const std::string& text) {
    return Metrics(port).find(text) != std::string::npos;
  }

  const std::string dir_;
  const int issuer_port_ = FreePort();
  const int validator_port_ = FreePort();
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(Monitoring, EveryMetricOfTheAlertsIsThere) {
  norroy_->CliOk({"issue", "www.example.test"});
  ASSERT_TRUE(Eventually([&] { return Shows(issuer_port_, "reason=\"\",result=\"valid\"} 1\n"); }))
      << Metrics(issuer_port_);
  ASSERT_TRUE(Eventually([&] {
    return Shows(validator_port_, "norroy_agent_clock_offset_seconds{agent=\"web1\"}");
  })) << Metrics(validator_port_);
  ASSERT_TRUE(Eventually([&] { return Shows(issuer_port_, "name=\"www.example.test\"}"); }))
      << Metrics(issuer_port_);
  const std::string seen = Metrics(issuer_port_) + Metrics(validator_port_);
  const std::string rules = ReadAll(Runfile("deploy/monitoring/alerts.yaml"));
  const std::regex name("norroy_[a-z_]+");
  int names = 0;
  for (std::sregex_iterator it(rules.begin(), rules.end(), name), end; it != end; ++it, ++names) {
    EXPECT_THAT(seen, HasSubstr(absl::StrCat("\n", it->str(), "{"))) << it->str();
  }
  EXPECT_GE(names, 15);
  EXPECT_THAT(seen, HasSubstr("grpc_server_handled_total{grpc_code=\"OK\",grpc_method="
                              "\"CreateOrder\",grpc_service=\"norroy.issuer.v1.OrderService\","
                              "grpc_type=\"unary\"} 1\n"));
  EXPECT_THAT(seen, HasSubstr("norroy_acme_requests_total{action=\"finalize\","));
}

// promtool knows Prometheus' conventions better than we do.
TEST_F(Monitoring, PromtoolFindsNothingToMend) {
  norroy_->CliOk({"issue", "www.example.test"});
  for (const int port : {issuer_port_, validator_port_}) {
    const std::string file = absl::StrCat(dir_, "/metrics-", port);
    WriteAll(file, Metrics(port));
    const Output checked =
        RunProgram({"/bin/sh", "-c", "exec promtool check metrics <\"$0\"", file});
    EXPECT_EQ(checked.code, 0) << checked.err << checked.out;
  }
}

TEST_F(Monitoring, ASilentAgentShows) {
  EXPECT_TRUE(
      Eventually([&] { return Shows(validator_port_, "norroy_agents{state=\"attached\"} 1\n"); }));
  norroy_->agent("web1").Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    return Shows(validator_port_, "norroy_agents{state=\"silent\"} 1\n");
  })) << Metrics(validator_port_);
  EXPECT_EQ(HttpGet(validator_port_, "127.0.0.1", "/readyz").status, 200);
  EXPECT_EQ(HttpGet(issuer_port_, "127.0.0.1", "/readyz").status, 200);
}

}  // namespace
}  // namespace norroy::harness
