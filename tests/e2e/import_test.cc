// Folders that the real certbot and the real lego made are taken over: the very certificates,
// without ordering any, and kept by `norroy sync` from then on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/e2e/sync_world.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

class ImportTest : public ::testing::Test {
 protected:
  ImportTest() {
    const std::string dir = world_.dir() + "/other-ca";
    mkdir(dir.c_str(), 0755);
    // Debian's certbot gives up at a second refused nonce.
    other_ca_ = Pebble::Start(dir, {.http_port = http_port_, .nonce_reject_percent = 0});
    WriteAll(config(), "# of this host\n" + world_.Preamble(state()));
  }
  std::string config() const { return world_.dir() + "/sync.yaml"; }
  std::string state() const { return world_.dir() + "/sync"; }
  // The same bytes are in service at both places.
  void ExpectSame(const std::string& theirs, const std::string& name, const std::string& kind) {
    const std::string ours = absl::StrCat(state(), "/live/", name, "/", kind, ".pem");
    EXPECT_NE(ReadAll(ours), "") << ours;
    const std::vector<std::string> show =
        kind == "privkey" ? std::vector<std::string>{"openssl", "pkey", "-pubout", "-in"}
                          : std::vector<std::string>{"openssl", "x509", "-in"};
    const auto text = [&show](const std::string& file) {
      std::vector<std::string> argv = show;
      argv.push_back(file);
      return RunProgram(argv).out;
    };
    EXPECT_EQ(text(theirs), text(ours)) << ours;
  }
  // Nothing is ordered for what was taken over; when it is renewed, it is by the issuer.
  void ExpectKept(const std::string& name) {
    const int before = world_.pebble().LogCount("Issued certificate");
    const Output idle = SyncWorld::Run({"sync", "--config", config(), "-o", "json"});
    EXPECT_EQ(idle.code, 0) << idle.err;
    EXPECT_EQ(Deployment::Field(idle.out, "0.outcome"), "SYNC_OUTCOME_CURRENT") << idle.out;
    EXPECT_EQ(world_.pebble().LogCount("Issued certificate"), before);
    const Output renewed = SyncWorld::Run({"sync", "--config", config(), "--force", name});
    EXPECT_EQ(renewed.code, 0) << renewed.err;
    EXPECT_EQ(world_.pebble().LogCount("Issued certificate"), before + 1);
  }

  SyncWorld world_;
  const int http_port_ = FreePort();
  std::unique_ptr<Pebble> other_ca_;
};

TEST_F(ImportTest, Certbot) {
  if (access("/usr/bin/certbot", X_OK) != 0) GTEST_SKIP() << "certbot is not installed";
  const std::string dir = world_.dir() + "/letsencrypt";
  const Output made =
      RunProgram({"/usr/bin/certbot",
                  "certonly",
                  "--standalone",
                  "--http-01-address",
                  "127.0.0.1",
                  "--http-01-port",
                  absl::StrCat(http_port_),
                  "--server",
                  other_ca_->directory_url(),
                  "--config-dir",
                  dir,
                  "--work-dir",
                  dir + "-work",
                  "--logs-dir",
                  dir + "-logs",
                  "--non-interactive",
                  "--agree-tos",
                  "--email",
                  "you@example.test",
                  "--key-type",
                  "rsa",
                  "--deploy-hook",
                  "env true",
                  "--domain",
                  "www.example.test",
                  "--domain",
                  "a.example.test"},
                 {"REQUESTS_CA_BUNDLE=" + other_ca_->tls_root_file(), "HOME=" + world_.dir()});
  ASSERT_EQ(made.code, 0) << made.out << made.err;
  const std::string live = dir + "/live/www.example.test";
  const std::string conf = ReadAll(dir + "/renewal/www.example.test.conf");
  const Output output =
      SyncWorld::Run({"import", "certbot", dir, "--config", config(), "-o", "json"});
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("authenticator standalone is not used any more"));
  ExpectSame(live + "/cert.pem", "www.example.test", "cert");
  ExpectSame(live + "/privkey.pem", "www.example.test", "privkey");
  const std::string yaml = ReadAll(config());
  EXPECT_THAT(yaml, HasSubstr("# of this host\n"));
  EXPECT_THAT(yaml, HasSubstr("rsa2048"));
  EXPECT_THAT(yaml, HasSubstr("/usr/bin/env"));
  EXPECT_EQ(ReadAll(dir + "/renewal/www.example.test.conf"), conf);
  ExpectKept("www.example.test");
}

TEST_F(ImportTest, Lego) {
  if (access("/usr/bin/lego", X_OK) != 0) GTEST_SKIP() << "lego is not installed";
  const std::string dir = world_.dir() + "/lego";
  const Output made =
      RunProgram({"/usr/bin/lego", "--server", other_ca_->directory_url(), "--accept-tos",
                  "--email", "you@example.test", "--path", dir, "--http", "--http.port",
                  absl::StrCat("127.0.0.1:", http_port_), "--key-type", "ec384", "--domains",
                  "www.example.test", "--domains", "a.example.test", "run"},
                 {"LEGO_CA_CERTIFICATES=" + other_ca_->tls_root_file(), "HOME=" + world_.dir()});
  ASSERT_EQ(made.code, 0) << made.out << made.err;
  const std::string base = dir + "/certificates/www.example.test";
  const Output output = SyncWorld::Run({"import", "lego", dir, "--config", config()});
  EXPECT_EQ(output.code, 0) << output.err;
  ExpectSame(base + ".crt", "www.example.test", "cert");
  ExpectSame(base + ".key", "www.example.test", "privkey");
  EXPECT_THAT(ReadAll(config()), HasSubstr("p384"));
  ExpectKept("www.example.test");
}

}  // namespace
}  // namespace norroy::harness
