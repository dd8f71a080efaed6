// One name and a hundred, whole and split, through every part, verified as a stranger would.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

// Debian 12's Pebble, and a newer one where the test run found one.
std::vector<std::string> Pebbles() {
  std::vector<std::string> binaries = {"pebble"};
  const char* const newer = std::getenv("NORROY_NEWER_PEBBLE");
  if (newer != nullptr && newer[0] != '\0') binaries.push_back(newer);
  return binaries;
}

class Issuance : public ::testing::TestWithParam<std::string> {
 protected:
  void Begin(const PebbleOptions& changed = {}) {
    dir_ = TempDir("issuance");
    http_port_ = FreePort();
    PebbleOptions options = changed;
    options.http_port = http_port_;
    options.binary = GetParam();
    pebble_ = Pebble::Start(dir_, options);
    norroy_ = Deployment::Start(dir_, *pebble_);
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
  }

  // openssl's verdict on DIR/cert.pem with DIR/chain.pem under the CA's own root.
  void ExpectVerifies(const std::string& files, const std::string& name) {
    const std::string root = dir_ + "/issuing-root.pem";
    WriteAll(root, pebble_->IssuingRoot());
    const Output verified =
        RunProgram({"openssl", "verify", "-CAfile", root, "-untrusted", files + "/chain.pem",
                    "-verify_hostname", name, files + "/cert.pem"});
    EXPECT_EQ(verified.code, 0) << verified.err;
  }

  static std::string PublicKeyOf(const std::string& kind, const std::string& file) {
    const Output key = kind == "cert"
                           ? RunProgram({"openssl", "x509", "-in", file, "-noout", "-pubkey"})
                           : RunProgram({"openssl", "pkey", "-in", file, "-pubout"});
    EXPECT_EQ(key.code, 0) << key.err;
    return key.out;
  }

  // A key and a CSR by somebody else's tool.
  std::string OpensslCsr(const std::string& base, const std::string& name) {
    const Output made = RunProgram({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key",
                                    "-out", base + ".csr", "-subj", "/", "-addext",
                                    absl::StrCat("subjectAltName=DNS:", name)});
    EXPECT_EQ(made.code, 0) << made.err;
    return base + ".csr";
  }

  std::string dir_;
  int http_port_ = 0;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_P(Issuance, OneName) {
  Begin();
  norroy_->CliOk({"issue", "www.example.test"});
  const std::string live = norroy_->dir() + "/live/www.example.test";
  ExpectVerifies(live, "www.example.test");
  EXPECT_EQ(PublicKeyOf("cert", live + "/cert.pem"), PublicKeyOf("key", live + "/privkey.pem"));
  EXPECT_EQ(ReadAll(live + "/fullchain.pem"),
            ReadAll(live + "/cert.pem") + ReadAll(live + "/chain.pem"));
  EXPECT_TRUE(Eventually([&] { return norroy_->Presented("web1") == 0; }));
}

TEST_P(Issuance, ValidateNowFinalizeLater) {
  Begin({.nonce_reject_percent = 50, .authz_reuse_percent = 0});
  std::vector<std::string> ids;
  for (int i = 0; i < 2; ++i) {
    const std::string json =
        norroy_->CliOk({"order", "create", "a.example.test", "--wait", "-o", "json"});
    EXPECT_EQ(Deployment::Field(json, "state"), "ORDER_STATE_READY") << json;
    ids.push_back(Deployment::Field(json, "id"));
  }
  EXPECT_EQ(pebble_->LogCount("Issued certificate"), 0);
  // Two READY orders for the same names: two certificates, each with its own key.
  for (int i = 0; i < 2; ++i) {
    const std::string base = absl::StrCat(dir_, "/key", i);
    const std::string out = absl::StrCat(dir_, "/out", i);
    norroy_->CliOk(
        {"order", "finalize", ids[i], "--csr", OpensslCsr(base, "a.example.test"), "--out", out});
    ExpectVerifies(out, "a.example.test");
    EXPECT_EQ(PublicKeyOf("cert", out + "/cert.pem"), PublicKeyOf("key", base + ".key"));
  }
}

TEST_P(Issuance, HundredNames) {
  Begin({.authz_reuse_percent = 100});
  std::vector<std::string> issue = {"issue"};
  for (int i = 0; i < 100; ++i) issue.push_back(absl::StrCat("n", i, ".example.test"));
  norroy_->CliOk(issue);
  ExpectVerifies(norroy_->dir() + "/live/n0.example.test", "n99.example.test");
  // The same names again: the CA's authorizations are reused and nothing is presented.
  issue.push_back("--force-new");
  norroy_->CliOk(issue);
  EXPECT_TRUE(Eventually([&] { return norroy_->Presented("web1") == 0; }));
}

TEST_P(Issuance, ByReflectionAlone) {
  const char* const buf = std::getenv("NORROY_BUF");
  if (buf == nullptr || buf[0] == '\0') GTEST_SKIP() << "buf is not installed (npm out of reach)";
  Begin();
  const std::string identity = norroy_->dir() + "/operator/identity.pem";
  const auto call = [&](const std::string& method, const std::string& body) {
    return RunProgram(
        {buf, "curl", "--cacert", norroy_->dir() + "/operator/core-root.pem", "--cert", identity,
         "--key", identity, "--protocol", "grpc", "-d", body,
         absl::StrCat("https://", norroy_->issuer_address(), "/norroy.issuer.v1.", method)},
        {"HOME=" + dir_});
  };
  const Output created =
      call("OrderService/CreateOrder", R"({"names": ["b.example.test"], "requestId": "one"})");
  ASSERT_EQ(created.code, 0) << created.err;
  const std::string id = Deployment::Field(created.out, "order.id");
  const std::string get = absl::StrCat(R"({"id": ")", id, R"("})");
  EXPECT_TRUE(Eventually([&] {
    return Deployment::Field(call("OrderService/GetOrder", get).out, "order.state") ==
           "ORDER_STATE_READY";
  }));
  const std::string csr = OpensslCsr(dir_ + "/curl", "b.example.test");
  const Output base64 = RunProgram({"base64", "-w0", csr});
  const Output finalized =
      call("OrderService/FinalizeOrder",
           absl::StrCat(R"({"id": ")", id, R"(", "csr": ")", base64.out, R"("})"));
  ASSERT_EQ(finalized.code, 0) << finalized.err;
  EXPECT_TRUE(Eventually([&] {
    return Deployment::Field(call("OrderService/GetOrder", get).out, "order.state") ==
           "ORDER_STATE_VALID";
  }));
}

TEST_P(Issuance, RevokesWhatIsSelectedAndConfirmed) {
  Begin();
  for (const char* name : {"a.shop.example.test", "b.shop.example.test", "www.example.test"}) {
    norroy_->CliOk({"issue", name});
  }
  const std::vector<std::string> select = {"cert", "revoke", "--under", "shop.example.test"};
  const auto revoke = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = select;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return norroy_->Cli(arguments);
  };
  const Output shown = revoke({});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("a.shop.example.test"));
  EXPECT_THAT(shown.out, HasSubstr("b.shop.example.test"));
  EXPECT_THAT(shown.out, testing::Not(HasSubstr("www.example.test")));
  EXPECT_THAT(shown.err, HasSubstr("2 certificates without a successor"));
  EXPECT_THAT(shown.err, HasSubstr("add --confirm 2"));
  const Output miscounted = revoke({"--confirm", "3"});
  EXPECT_EQ(miscounted.code, 1);
  EXPECT_THAT(miscounted.err, HasSubstr("has 2 certificates now; nothing was revoked"));
  EXPECT_EQ(pebble_->LogCount("POST /revoke-cert"), 0);
  const Output revoked = revoke({"--confirm", "2", "--reason", "superseded", "-o", "json"});
  EXPECT_EQ(revoked.code, 0) << revoked.err;
  EXPECT_THAT(revoked.out, HasSubstr("revokeTime"));
  EXPECT_EQ(pebble_->LogCount("POST /revoke-cert"), 2);
  // They count no more; the other one does.
  EXPECT_THAT(revoke({}).err, HasSubstr("No certificate"));
  EXPECT_THAT(norroy_->CliOk({"cert", "list", "--name", "www.example.test"}), HasSubstr("current"));
}

TEST_P(Issuance, RefusesBadInputBeforeTheCaHearsOfIt) {
  Begin();
  struct Case {
    std::vector<std::string> arguments;
    int code;
    std::string says;
  };
  WriteAll(dir_ + "/bad.csr", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n");
  const std::string other = OpensslCsr(dir_ + "/other", "other.example.test");
  const Case cases[] = {
      {{"issue", "bad_name.example.test"}, 2, "bad_name.example.test"},
      {{"issue", "localhost"}, 2, "localhost"},
      {{"order", "create", "a.example.test", "--csr", dir_ + "/bad.csr"}, 2, "CSR"},
      {{"order", "create", "a.example.test", "--csr", other}, 2, "other.example.test"},
      {{"order", "create", "nobody.elsewhere.test", "--validate-only"}, 1, "no agent"},
      {{"order", "show", "0123456789abcdef0123456789abcdef"}, 5, "0123456789abcdef"},
      {{"order", "create"}, 2, "say the names"},
  };
  for (const Case& c : cases) {
    const Output output = norroy_->Cli(c.arguments);
    EXPECT_EQ(output.code, c.code) << c.arguments.back() << "\n" << output.err;
    EXPECT_THAT(output.err, HasSubstr(c.says));
  }
  EXPECT_EQ(pebble_->LogCount("POST /order-plz"), 0);
}

INSTANTIATE_TEST_SUITE_P(Cas, Issuance, ::testing::ValuesIn(Pebbles()),
                         [](const ::testing::TestParamInfo<std::string>& info) {
                           return info.param == "pebble" ? std::string("Debian12")
                                                         : std::string("Newer");
                         });

}  // namespace
}  // namespace norroy::harness
