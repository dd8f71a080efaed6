// What the CA has valid does not outlive the grants that it was proved under: real processes, and a
// CA that reuses authorizations whenever it can.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

constexpr char kWww[] = "www.example.test";

class WithdrawalE2e : public ::testing::Test {
 protected:
  WithdrawalE2e() {
    pebble_ = Pebble::Start(
        dir_, {.http_port = http_port_, .nonce_reject_percent = 0, .authz_reuse_percent = 100});
    norroy_ = Deployment::Start(dir_, *pebble_,
                                {.issuer = "limits:\n  new_orders_per_set_per_hour: 10\n"
                                           "  certificates_per_set_per_week: 10\n"});
    AddAgent("web1");
  }

  void AddAgent(const std::string& name) {
    norroy_->AddAgent(name, {.patterns = {".example.test"}, .http_port = http_port_});
  }
  void RemoveAgent(const std::string& name) {
    norroy_->CliOk({"agent", "remove", name});
    norroy_->agent(name).Signal(SIGTERM);
    norroy_->agent(name).Wait(absl::Seconds(10));
  }
  void Issue() { norroy_->CliOk({"issue", kWww, "--force-new"}); }
  // How often Pebble was told to look at a proof.
  int Proofs() { return pebble_->LogCount("POST /chalZ/"); }
  int Deactivated() {
    const std::string log = ReadAll(norroy_->dir() + "/issuer.log");
    int count = 0;
    const std::string line = "authorization deactivated";
    for (size_t at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) ++count;
    return count;
  }
  bool EventuallyDeactivated(int count) {
    const bool done = Eventually([&] { return Deactivated() == count; }, absl::Seconds(75));
    if (!done) ADD_FAILURE() << Deactivated() << "\n" << norroy_->Logs();
    return done;
  }

  const std::string dir_ = TempDir("withdrawal");
  const int http_port_ = FreePort();
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(WithdrawalE2e, ARefusedOrderTakesTheAuthorizationWithIt) {
  Issue();
  const int proofs = Proofs();
  Issue();
  ASSERT_EQ(Proofs(), proofs) << "the CA reuses";
  RemoveAgent("web1");
  const Output refused = norroy_->Cli({"issue", kWww, "--force-new"});
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.err, HasSubstr("NO_RESPONDER"));
  ASSERT_TRUE(EventuallyDeactivated(1));
  // Somebody answers again: what was valid is not.
  AddAgent("web2");
  Issue();
  EXPECT_EQ(Proofs(), proofs + 1);
}

TEST_F(WithdrawalE2e, WithoutAnyOrderToo) {
  Issue();
  const int proofs = Proofs();
  RemoveAgent("web1");
  ASSERT_TRUE(EventuallyDeactivated(1));
  AddAgent("web2");
  Issue();
  EXPECT_EQ(Proofs(), proofs + 1);
}

TEST_F(WithdrawalE2e, AnAgentThatIsAwayKeepsItsAuthorizations) {
  Issue();
  const int proofs = Proofs();
  norroy_->agent("web1").Signal(SIGTERM);
  norroy_->agent("web1").Wait(absl::Seconds(10));
  EXPECT_FALSE(Eventually([&] { return Deactivated() > 0; }, absl::Seconds(45)));
  norroy_->StartAgent("web1");
  Issue();
  EXPECT_EQ(Proofs(), proofs);
}

TEST_F(WithdrawalE2e, ReuseNever) {
  norroy_->CliOk({"identity", "issue", "requester", "shop", "--out", dir_ + "/shop.pem"});
  WriteAll(dir_ + "/policy.yaml", R"(issuance:
  - principal: requester/shop
    names: [".example.test"]
    reuse: never
)");
  norroy_->CliOk({"policy", "apply", dir_ + "/policy.yaml"});
  Issue();
  const int proofs = Proofs();
  const Output issued = norroy_->Cli(
      {"issue", kWww, "--force-new", "--identity", dir_ + "/shop.pem", "--out", dir_ + "/shop"});
  ASSERT_EQ(issued.code, 0) << issued.err << norroy_->Logs();
  EXPECT_EQ(Proofs(), proofs + 1);
  // Its own went with it.
  ASSERT_TRUE(EventuallyDeactivated(1));
  norroy_->CliOk({"order", "create", kWww, "--wait"});
  EXPECT_EQ(Proofs(), proofs + 2);
}

}  // namespace
}  // namespace norroy::harness
