// kill -9 of any part at any moment costs time and nothing else.

#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

class Restart : public ::testing::Test {
 protected:
  Restart() {
    dir_ = TempDir("restart");
    http_port_ = FreePort();
    pebble_ = Pebble::Start(
        dir_, {.http_port = http_port_, .nonce_reject_percent = 20, .authz_reuse_percent = 0});
    norroy_ = Deployment::Start(dir_, *pebble_);
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
  }

  std::string Create(const std::string& name) {
    const Output key = RunProgram({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                                   "ec_paramgen_curve:P-256", "-nodes", "-keyout", dir_ + "/k.pem",
                                   "-out", dir_ + "/k.csr", "-subj", "/", "-addext",
                                   absl::StrCat("subjectAltName=DNS:", name)});
    EXPECT_EQ(key.code, 0) << key.err;
    return Deployment::Field(
        norroy_->CliOk({"order", "create", name, "--csr", dir_ + "/k.csr", "-o", "json"}), "id");
  }

  std::string State(const std::string& id) {
    return Deployment::Field(norroy_->Cli({"order", "show", id, "-o", "json"}).out, "state");
  }

  void ExpectIssued(const std::string& id) {
    EXPECT_TRUE(Eventually([&] { return State(id) == "ORDER_STATE_VALID"; }, absl::Seconds(60)))
        << norroy_->Cli({"order", "show", id}).out << norroy_->Logs();
  }

  std::string dir_;
  int http_port_ = 0;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(Restart, IssuerKilledAtManyMoments) {
  constexpr int kRounds = 25;
  std::vector<std::string> ids;
  for (int round = 0; round < kRounds; ++round) {
    ids.push_back(Create(absl::StrCat("k", round, ".example.test")));
    // An issuance takes some tens of milliseconds here: the rounds walk through it.
    absl::SleepFor(absl::Milliseconds(3) * round);
    norroy_->issuer().Signal(SIGKILL);
    norroy_->issuer().Wait(absl::Seconds(5));
    norroy_->StartIssuer();
    EXPECT_TRUE(Eventually([&] { return !State(ids.back()).empty(); }));
  }
  for (const std::string& id : ids) ExpectIssued(id);
  EXPECT_EQ(pebble_->LogCount("Issued certificate serial"), kRounds);
  EXPECT_TRUE(Eventually([&] { return norroy_->Presented("web1") == 0; }));
}

TEST_F(Restart, ValidatorKilledWhileOrdersRun) {
  std::vector<std::string> ids;
  for (int round = 0; round < 8; ++round) {
    ids.push_back(Create(absl::StrCat("v", round, ".example.test")));
    absl::SleepFor(absl::Milliseconds(5) * round);
    norroy_->validator().Signal(SIGKILL);
    norroy_->validator().Wait(absl::Seconds(5));
    norroy_->StartValidator();
  }
  for (const std::string& id : ids) ExpectIssued(id);
  EXPECT_EQ(pebble_->LogCount("Issued certificate serial"), 8);
  EXPECT_TRUE(Eventually([&] { return norroy_->Presented("web1") == 0; }));
}

TEST_F(Restart, AgentKilledWhilePresented) {
  std::vector<std::string> ids;
  for (int round = 0; round < 8; ++round) {
    ids.push_back(Create(absl::StrCat("a", round, ".example.test")));
    absl::SleepFor(absl::Milliseconds(8) * round);
    norroy_->agent("web1").Signal(SIGKILL);
    norroy_->agent("web1").Wait(absl::Seconds(5));
    norroy_->StartAgent("web1");
  }
  // A probe that met the dead host is a failure at the CA, which ends its order and says so.
  for (const std::string& id : ids) {
    EXPECT_TRUE(Eventually(
        [&] { return State(id) == "ORDER_STATE_VALID" || State(id) == "ORDER_STATE_INVALID"; },
        absl::Seconds(60)));
    if (State(id) == "ORDER_STATE_INVALID") {
      norroy_->CliOk({"order", "retry", id});
      ExpectIssued(id);
    }
  }
  EXPECT_TRUE(Eventually([&] { return norroy_->Presented("web1") == 0; }));
}

}  // namespace
}  // namespace norroy::harness
