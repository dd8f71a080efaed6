// Grants of both kinds against a real deployment: what a file puts in force, a requester gets, and
// no more.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PolicyE2e : public ::testing::Test {
 protected:
  PolicyE2e() {
    const int http_port = FreePort();
    pebble_ = Pebble::Start(dir_, {.http_port = http_port});
    norroy_ = Deployment::Start(dir_, *pebble_);
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port});
    identity_ = dir_ + "/shop.pem";
    norroy_->CliOk({"identity", "issue", "requester", "shop", "--out", identity_});
  }

  // `norroy` as requester/shop.
  Output AsShop(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--identity", identity_});
    return norroy_->Cli(arguments);
  }
  std::string File(const std::string& text) {
    const std::string path = dir_ + "/policy.yaml";
    WriteAll(path, text);
    return path;
  }
  int NewOrders() { return pebble_->LogCount("POST /order-plz"); }

  const std::string dir_ = TempDir("policy");
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
  std::string identity_;
};

TEST_F(PolicyE2e, AFileGrantsAndTakesAway) {
  const Output before = AsShop({"issue", "www.shop.example.test"});
  EXPECT_EQ(before.code, 4) << before.err;
  EXPECT_THAT(before.err, HasSubstr("NAME_NOT_GRANTED"));
  EXPECT_EQ(NewOrders(), 0);

  const std::string file = File(R"(issuance:
  - principal: requester/shop
    names: [".shop.example.test"]
    key_types: [p256]
    reuse: never
agents:
  - agent: web1
    grants:
      - names: [".shop.example.test"]
        types: [http-01]
)");
  const std::string added = "+ requester/shop  .shop.example.test  keys p256  reuse never\n";
  const std::string agent = "+ agent/web1  .shop.example.test  http-01  responders all\n";
  EXPECT_THAT(norroy_->CliOk({"policy", "apply", "--dry-run", file}), HasSubstr(added));
  EXPECT_THAT(norroy_->CliOk({"policy", "show"}), HasSubstr("issuance: []"));
  const std::string diff = norroy_->CliOk({"policy", "apply", "--comment", "the shop's", file});
  EXPECT_THAT(diff, HasSubstr(added));
  EXPECT_THAT(diff, HasSubstr(agent));
  EXPECT_THAT(norroy_->CliOk({"policy", "history"}), HasSubstr("the shop's"));
  EXPECT_THAT(norroy_->CliOk({"agent", "show", "web1"}), HasSubstr(".shop.example.test"));

  const Output issued = AsShop({"issue", "www.shop.example.test", "--out", dir_ + "/live"});
  EXPECT_EQ(issued.code, 0) << issued.err << norroy_->Logs();
  // Neither the name above, nor another key, nor, by the agent's grant, anything of the operator's.
  EXPECT_EQ(AsShop({"issue", "shop.example.test"}).code, 4);
  EXPECT_EQ(AsShop({"issue", "a.shop.example.test", "--key-type", "rsa2048"}).code, 4);
  const Output unanswered = norroy_->Cli({"order", "create", "x.example.test", "--validate-only"});
  EXPECT_EQ(unanswered.code, 1) << unanswered.err;
  EXPECT_THAT(unanswered.err, HasSubstr("no agent"));

  // READY when the grant goes: the CSR comes too late.
  const std::string json =
      AsShop({"order", "create", "b.shop.example.test", "--wait", "-o", "json"}).out;
  EXPECT_EQ(Deployment::Field(json, "state"), "ORDER_STATE_READY") << json;
  norroy_->CliOk({"grant", "remove", "requester/shop"});
  const Output csr =
      RunProgram({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                  "-nodes", "-keyout", dir_ + "/b.key", "-out", dir_ + "/b.csr", "-subj", "/",
                  "-addext", "subjectAltName=DNS:b.shop.example.test"});
  ASSERT_EQ(csr.code, 0) << csr.err;
  const Output late =
      AsShop({"order", "finalize", Deployment::Field(json, "id"), "--csr", dir_ + "/b.csr"});
  EXPECT_EQ(late.code, 4) << late.err;
  EXPECT_THAT(late.err, HasSubstr("NAME_NOT_GRANTED"));
  EXPECT_THAT(norroy_->CliOk({"policy", "show", "--version", "1"}), HasSubstr("requester/shop"));
  EXPECT_THAT(norroy_->CliOk({"policy", "show"}), Not(HasSubstr("requester/shop")));
}

TEST_F(PolicyE2e, AQuotaThatIsSpentReachesNoCa) {
  norroy_->CliOk(
      {"grant", "add", "requester/shop", ".example.test", "--orders-per-domain-per-day", "3"});
  // "shop" may not change that.
  EXPECT_EQ(AsShop({"grant", "add", "requester/shop", ".example.test"}).code, 4);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(AsShop({"order", "create", absl::StrCat("n", i, ".example.test"), "--wait"}).code, 0);
  }
  const int orders = NewOrders();
  for (int i = 0; i < 5; ++i) {
    const Output full = AsShop({"order", "create", absl::StrCat("m", i, ".example.test")});
    EXPECT_EQ(full.code, 7) << full.err;
    EXPECT_THAT(full.err, HasSubstr("QUOTA_EXCEEDED"));
    EXPECT_THAT(full.err, HasSubstr("example.test"));
    EXPECT_THAT(full.err, HasSubstr("try again at "));
  }
  EXPECT_EQ(NewOrders(), orders);
  // Others go on; and what was granted and counted outlives a restart.
  norroy_->CliOk({"issue", "www.example.test"});
  norroy_->issuer().Signal(SIGTERM);
  norroy_->issuer().Wait(absl::Seconds(20));
  norroy_->StartIssuer();
  EXPECT_TRUE(Eventually([&] { return norroy_->Cli({"grant", "list"}).code == 0; }));
  EXPECT_EQ(AsShop({"order", "create", "m.example.test"}).code, 7);
  norroy_->CliOk(
      {"grant", "add", "requester/shop", ".example.test", "--orders-per-domain-per-day", "4"});
  EXPECT_EQ(AsShop({"order", "create", "m.example.test"}).code, 0);
}

}  // namespace
}  // namespace norroy::harness
