// A CI job without any stored secret: an OIDC token against a client certificate at the issuer's
// door, and with that an order to its end. And those who get nothing.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crypto/key.h"
#include "common/http/curl_client.h"
#include "common/identity/issuing.h"
#include "tests/fakes/oidc/oidc_server.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

// Connections that say nothing, from many addresses.
class Crowd {
 public:
  Crowd(int port, int size) {
    for (int i = 0; i < size; ++i) {
      const int fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address = {};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(0x7F000200 + static_cast<uint32_t>(i) % 50 + 1);
      EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
      address.sin_port = htons(static_cast<uint16_t>(port));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
      fds_.push_back(fd);
    }
  }
  ~Crowd() {
    for (const int fd : fds_) close(fd);
  }

 private:
  std::vector<int> fds_;
};

class SignIn : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = TempDir("sign-in");
    oidc_ = std::make_unique<fakes::OidcServer>(dir_);
    http_port_ = FreePort();
    pebble_ = Pebble::Start(dir_, {.http_port = http_port_});
    norroy_ = Deployment::Start(dir_, *pebble_);
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
    OpenDoor();
  }

  void OpenDoor() {
    norroy_->CliOk({"identity", "ci-authority"});
    norroy_->CliOk({"grant", "add", "requester/ci-web", "www.example.test"});
    door_port_ = FreePort();
    const std::string config = norroy_->dir() + "/issuer/issuer.yaml";
    WriteAll(config,
             absl::StrCat(ReadAll(config), "sign_in:\n  listen:\n    - 127.0.0.1:", door_port_,
                          "\n  ci_ca_file: ci-ca.pem\n  lifetime_minutes: 5\n",
                          "  requests_per_minute: 60\n  oidc:\n    - issuer: ", oidc_->url(),
                          "\n      root_file: ", oidc_->root_file(),
                          "\n      audience: norroy-test\n      algorithms: [ES256]\n",
                          "      rules:\n        - claims:\n            repository: acme/web\n",
                          "            ref: refs/heads/main\n",
                          "          principal: requester/ci-web\n"),
             0600);
    norroy_->issuer().Signal(SIGTERM);
    ASSERT_EQ(norroy_->issuer().Wait(absl::Seconds(30)), 0);
    norroy_->StartIssuer();
    ASSERT_TRUE(Eventually([&] {
      return norroy_->Cli({"account", "list"}).code == 0;
    })) << norroy_->Logs();
  }

  // The command in a job's own directory, which knows nothing but the core root.
  Output Job(const std::string& job, const std::vector<std::string>& arguments,
             const std::vector<std::string>& prefix = {}) {
    std::vector<std::string> argv = prefix;
    argv.insert(argv.end(), {Runfile("cli/norroy"), "--dir", absl::StrCat(dir_, "/", job)});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return RunProgram(argv, {"HOME=/nonexistent"}, absl::Seconds(90));
  }
  Output Login(const std::string& job, const std::string& token, const std::string& how) {
    const std::string file = absl::StrCat(dir_, "/", job, ".token");
    WriteAll(file, token + "\n", 0600);
    return Job(job,
               {"login", how, file, "--door", absl::StrCat("127.0.0.1:", door_port_), "--issuer",
                norroy_->issuer_address(), "--core-root", norroy_->dir() + "/core/root.pem"});
  }
  std::string Token(const std::string& repository, const std::string& ref = "refs/heads/main") {
    return oidc_->Token("norroy-test", {{"repository", repository}, {"ref", ref}});
  }
  Output LoginBy(const std::string& job, const std::string& token) {
    return Login(job, token, "--oidc-token-file");
  }

  // The status of one POST to the door, from that address; 0: none.
  int Post(const std::string& body, const std::string& from) {
    http::CurlOptions options;
    options.root_file = norroy_->dir() + "/core/root.pem";
    options.bind_address = from;
    const auto client = http::NewCurlClient(options).value();
    http::Request request;
    request.method = "POST";
    request.url = absl::StrCat("https://127.0.0.1:", door_port_, "/v1/sign-in");
    request.body = body;
    const auto response = client->Send(request);
    return response.ok() ? response->status : 0;
  }

  std::string dir_;
  int http_port_ = 0;
  int door_port_ = 0;
  std::unique_ptr<fakes::OidcServer> oidc_;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(SignIn, FromATokenToACertificate) {
  const Output login = LoginBy("job", Token("acme/web"));
  ASSERT_EQ(login.code, 0) << login.err << norroy_->Logs();
  EXPECT_THAT(login.out, HasSubstr("requester/ci-web"));
  struct stat info = {};
  ASSERT_EQ(stat((dir_ + "/job/identity.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // Nothing else needs to be said: login wrote norroy.yaml.
  const Output issue = Job("job", {"issue", "www.example.test", "--out", dir_ + "/live"});
  ASSERT_EQ(issue.code, 0) << issue.err << norroy_->Logs();
  EXPECT_THAT(ReadAll(dir_ + "/live/fullchain.pem"), HasSubstr("BEGIN CERTIFICATE"));
  // What it has no grant for it does not get, and what operators may do it may not.
  EXPECT_EQ(Job("job", {"issue", "other.example.test"}).code, 4);
  EXPECT_EQ(Job("job", {"token", "list"}).code, 4);
  EXPECT_EQ(LoginBy("job", Token("acme/web")).code, 0) << "again, in the same place";
  EXPECT_THAT(norroy_->CliOk({"audit", "tail", "--action", "sign_in.grant", "-o", "json"}),
              HasSubstr("repo:acme/web"));

  // A new key of the OIDC issuer; it is asked once a minute at most.
  oidc_->Rotate(false);
  Output rotated;
  for (int i = 0; i < 25; ++i) {
    rotated = LoginBy("job", Token("acme/web"));
    if (rotated.code == 0) break;
    EXPECT_EQ(rotated.code, 4) << rotated.err;
    absl::SleepFor(absl::Seconds(3));
  }
  EXPECT_EQ(rotated.code, 0) << rotated.err;
  EXPECT_LE(oidc_->fetches(), 3);
}

TEST_F(SignIn, OthersGetNothing) {
  const struct {
    const char* what;
    std::string token;
  } cases[] = {
      {"a repository that begins so", Token("acme/web-evil")},
      {"another branch", Token("acme/web", "refs/heads/feature")},
      {"a pull request", Token("acme/web", "refs/pull/1/merge")},
      {"for somebody else", oidc_->Token("sts.amazonaws.com", {})},
      {"no token", "x"},
      {"an API token that is none",
       absl::StrCat("norroy_", std::string(32, '0'), "_", std::string(43, 'A'))},
  };
  std::string said;
  for (const auto& c : cases) {
    const Output login = LoginBy("evil", c.token);
    EXPECT_EQ(login.code, 4) << c.what << login.err;
    if (said.empty()) said = login.err;
    EXPECT_EQ(login.err, said) << "one answer for all";
  }
  struct stat info = {};
  EXPECT_NE(stat((dir_ + "/evil/identity.pem").c_str(), &info), 0);
  EXPECT_TRUE(Eventually([&] {
    return norroy_->CliOk({"audit", "tail", "--action", "sign_in.grant", "-o", "json"})
               .find("TOKEN_NOBODY") != std::string::npos;
  }));

  // The door is the issuer's, or nothing is sent.
  const std::string other_root = dir_ + "/other-root.pem";
  WriteAll(other_root,
           identity::MakeRoot("core", "other", absl::Now(), absl::Hours(1))->certificate.ToPem());
  const std::string token_file = dir_ + "/good.token";
  WriteAll(token_file, Token("acme/web"), 0600);
  const Output fooled =
      Job("evil", {"login", "--oidc-token-file", token_file, "--door",
                   absl::StrCat("127.0.0.1:", door_port_), "--core-root", other_root});
  EXPECT_EQ(fooled.code, 4) << fooled.err;
  EXPECT_THAT(fooled.err, HasSubstr("nothing was sent"));
}

TEST_F(SignIn, ApiTokensAndTheEndOfACertificate) {
  const std::string made =
      norroy_->CliOk({"token", "create", "requester/ci-web", "--expires", "1d", "-o", "json"});
  const std::string token = Deployment::Field(made, "token");
  ASSERT_EQ(Login("nightly", token, "--token-file").code, 0) << norroy_->Logs();
  EXPECT_EQ(Job("nightly", {"order", "list"}).code, 0);
  norroy_->CliOk({"token", "delete", Deployment::Field(made, "apiToken.id")});
  EXPECT_EQ(Login("nightly", token, "--token-file").code, 4);

  // The same identity with seconds to live, by the same intermediate.
  const auto ci = identity::ReadIdentityFile(norroy_->dir() + "/issuer/ci-ca.pem").value();
  const auto old = identity::ReadIdentityFile(dir_ + "/nightly/identity.pem").value();
  const identity::Identity who = identity::Identity::OfCertificate(old.chain[0]).value();
  const auto leaf = identity::IssueLeaf(
      {ci.key, ci.chain[0]}, old.key.public_key(),
      {.identity = who, .hosts = {}, .now = absl::Now(), .lifetime = absl::Seconds(8)});
  ASSERT_TRUE(leaf.ok());
  ASSERT_TRUE(
      identity::WriteIdentityFile(dir_ + "/nightly/identity.pem", {old.key, {*leaf, ci.chain[0]}})
          .ok());
  EXPECT_EQ(Job("nightly", {"order", "list"}).code, 0) << "while it is good";
  // A client whose clock says that it still is must hear it from the issuer: by the handshake, or
  // by the look at each call. faketime itself ends with 1 where one that was killed has left its
  // semaphore to the same process id.
  Output late;
  EXPECT_TRUE(Eventually([&] {
    late = Job("nightly", {"order", "list"}, {"faketime", "-5min"});
    return late.code == 3 || late.code == 4;
  })) << late.code
      << " " << late.err;
}

TEST_F(SignIn, SlowAndGreedyClients) {
  const Crowd crowd(door_port_, 300);
  EXPECT_EQ(LoginBy("job", Token("acme/web")).code, 0) << norroy_->Logs();
  EXPECT_EQ(Post(std::string(17 * 1024, ' '), "127.0.0.6"), 413);
  int refused = 0;
  for (int i = 0; i < 100 && refused == 0; ++i) {
    if (Post("{}", "127.0.0.7") == 429) refused = i;
  }
  EXPECT_GE(refused, 60);
  EXPECT_EQ(LoginBy("job", Token("acme/web")).code, 0) << "another address is not meant";
}

}  // namespace
}  // namespace norroy::harness
