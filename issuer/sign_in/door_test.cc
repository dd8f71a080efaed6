// The door with its whole inside behind real TLS: who gets in, who does not, what is said, what is
// audited, and that nobody who holds connections open keeps others out.

#include "issuer/sign_in/door.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <list>
#include <set>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/csr.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/http/curl_client.h"
#include "common/identity/issuing.h"
#include "common/identity/verifying.h"
#include "common/sql/database.h"
#include "common/sync/mutex.h"
#include "issuer/sign_in/json.h"
#include "issuer/sign_in/test_jwt.h"
#include "issuer/store/store.h"

namespace norroy::sign_in {
namespace {

using crypto::KeyType;
using crypto::PrivateKey;

// The OIDC issuer's pages; none: out of reach.
class KeysPage final : public http::Client {
 public:
  explicit KeysPage(const std::string& jwks) : jwks_(jwks) {}
  absl::StatusOr<http::Response> Send(const http::Request&) override {
    if (jwks_.empty()) return absl::UnavailableError("nobody is there");
    http::Response response;
    response.status = 200;
    response.body = jwks_;
    return response;
  }

 private:
  const std::string& jwks_;
};

// A TCP connection that says nothing.
class Silent {
 public:
  Silent(int port, const std::string& from) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, from.c_str(), &address.sin_addr);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    address.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  Silent(const Silent&) = delete;
  ~Silent() { close(fd_); }
  void Say(absl::string_view bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Waits until the other side has closed it.
  bool IsClosedWithin(int seconds) {
    timeval timeout = {seconds, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    char buffer[256];
    ssize_t got = 1;
    while (got > 0) got = recv(fd_, buffer, sizeof(buffer), 0);
    return got == 0 || errno == ECONNRESET;
  }

 private:
  const int fd_;
};

class DoorTest : public ::testing::Test {
 protected:
  DoorTest() {
    static int count = 0;
    dir_ = absl::StrCat(std::getenv("TEST_TMPDIR"), "/door", ++count, "-");
    root_ = identity::MakeRoot("core", "test", clock_.Now(), absl::Hours(24)).value();
    const auto ci =
        identity::MakeIntermediate(*root_, "ci", "ci.test", clock_.Now(), absl::Hours(24)).value();
    EXPECT_TRUE(
        identity::WriteFileAtomically(dir_ + "core.pem", root_->certificate.ToPem(), 0644).ok());
    EXPECT_TRUE(identity::WriteIdentityFile(dir_ + "ci-ca.pem", {ci.key, {ci.certificate}}).ok());
    WriteServerIdentity("main");
    database_ = *sql::OpenSqlite(":memory:");
    EXPECT_TRUE(sql::Migrate(*database_, store::Store::Migrations()).ok());
    tokens_ = std::make_unique<store::ApiTokens>(*database_, "issuer/main");
    jwks_ = JwksOf({JwkOf(oidc_key_.public_key(), "one")});
    settings_.listen = {"127.0.0.1:0"};
    settings_.ci_ca_file = dir_ + "ci-ca.pem";
    settings_.tls_file = dir_ + "issuer.pem";
    settings_.deployment = "test";
    settings_.lifetime = absl::Minutes(5);
    settings_.requests_per_minute = 1000;
    OidcIssuerOptions oidc;
    oidc.rules = {kTestIssuer, kTestAudience, {"ES256"}};
    oidc.claims =
        ClaimRules::Make(kTestIssuer, {{{{"repository", "acme/web"}}, "requester/ci-web"}}).value();
    oidc.jwks_url = "https://ci.example.test/jwks";
    settings_.oidc.push_back({oidc, ""});
  }

  void WriteServerIdentity(const std::string& name) {
    const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
    const auto leaf = identity::IssueLeaf(
        *root_, key.public_key(),
        {{"test", types::v1::ROLE_ISSUER, name, ""}, {"127.0.0.1"}, clock_.Now(), absl::Hours(12)});
    EXPECT_TRUE(identity::WriteIdentityFile(dir_ + "issuer.pem", {key, {*leaf}}).ok());
  }

  void Open() {
    auto door = Door::Start(
        {.settings = settings_,
         .tokens = *tokens_,
         .clock = clock_,
         .new_http = [this](const std::string&) -> absl::StatusOr<std::unique_ptr<http::Client>> {
           return std::make_unique<KeysPage>(jwks_);
         },
         .audit =
             [this](const audit::Entry& entry) {
               MutexLock lock(&mutex_);
               if (audit_status_.ok()) audited_.push_back(entry);
               return audit_status_;
             },
         .refused =
             [this](const audit::Entry& entry) {
               MutexLock lock(&mutex_);
               audited_.push_back(entry);
             }});
    ASSERT_TRUE(door.ok()) << door.status();
    door_ = *std::move(door);
    client_ = NewClient();
  }
  std::unique_ptr<http::Client> NewClient(const std::string& from = "") {
    http::CurlOptions options;
    options.root_file = dir_ + "core.pem";
    options.bind_address = from;
    return http::NewCurlClient(options).value();
  }
  int port() const { return door_->ports()[0]; }

  absl::StatusOr<http::Response> Send(http::Client& client, const std::string& body,
                                      const std::string& path = kSignInPath,
                                      const std::string& method = "POST") {
    http::Request request;
    request.method = method;
    request.url = absl::StrCat("https://127.0.0.1:", port(), path);
    request.body = body;
    request.headers = {{"Content-Type", "application/json"}};
    request.timeout = absl::Seconds(20);
    return client.Send(request);
  }
  int StatusOf(const std::string& body, const std::string& path = kSignInPath,
               const std::string& method = "POST") {
    const auto response = Send(*client_, body, path, method);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->status : 0;
  }

  std::string Body(const std::string& token) { return BodyWith(token, csr_); }
  static std::string BodyWith(const std::string& token, const std::string& csr) {
    return absl::StrCat("{\"token\":\"", token, "\",\"csr\":\"", absl::Base64Escape(csr), "\"}");
  }
  std::string Token(const Members& claims) {
    return SignJwt(oidc_key_, ToJson(HeaderOf("ES256", "one")), ToJson(claims));
  }
  std::string GoodToken() { return Token(GoodClaims(clock_.Now())); }
  std::vector<audit::Entry> Audited() {
    MutexLock lock(&mutex_);
    return audited_;
  }

  SystemClock clock_;
  std::string dir_;
  std::optional<identity::Authority> root_;
  const PrivateKey oidc_key_ = PrivateKey::Generate(KeyType::kP256).value();
  const PrivateKey key_ = PrivateKey::Generate(KeyType::kP256).value();
  const std::string csr_ = crypto::BuildCsr(key_, {}).value();
  crypto::SystemRandom random_;
  std::string jwks_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<store::ApiTokens> tokens_;
  Settings settings_;
  Mutex mutex_;
  std::vector<audit::Entry> audited_ ABSL_GUARDED_BY(mutex_);
  absl::Status audit_status_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Door> door_;
  std::unique_ptr<http::Client> client_;
};

TEST_F(DoorTest, ATokenForACertificate) {
  Open();
  const auto response = Send(*client_, Body(GoodToken()));
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->status, 200) << response->body;
  const JsonValue json = ParseJson(response->body, 64 * 1024).value();
  EXPECT_EQ(*json.FindText("principal"), "requester/ci-web");
  std::vector<crypto::Certificate> chain;
  const auto blocks = crypto::PemDecode(*json.FindText("certificateChainPem")).value();
  for (const auto& block : blocks) {
    chain.push_back(crypto::Certificate::ParseDer(block.der).value());
  }
  ASSERT_EQ(chain.size(), 2u);
  const auto identity = identity::VerifyIdentity(
      chain, std::vector<crypto::Certificate>{root_->certificate}, "test", clock_.Now());
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->Uri(), "spiffe://ci.test/requester/ci-web");
  EXPECT_EQ(chain[0].spki_der(), key_.public_key().spki_der());
  EXPECT_TRUE(chain[0].names().empty());
  EXPECT_FALSE(chain[0].has_eku("1.3.6.1.5.5.7.3.1")) << "a client's, not a server's";
  EXPECT_LE(chain[0].not_after(), clock_.Now() + absl::Minutes(5));
  EXPECT_GE(chain[0].not_before(), clock_.Now() - absl::Minutes(3));
  const auto audited = Audited();
  ASSERT_EQ(audited.size(), 1u);
  EXPECT_EQ(audited[0].principal, "requester/ci-web");
  EXPECT_EQ(audited[0].action, "sign_in.grant");
  EXPECT_EQ(audited[0].object, absl::StrCat("identity/", chain[0].serial()));
  EXPECT_EQ(audited[0].outcome, audit::kOk);
  EXPECT_TRUE(absl::StartsWith(audited[0].peer, "127.0.0.1:"));
  for (const char* part : {kTestIssuer, "repo:acme/web", "jti=job-1", "kid=one"}) {
    EXPECT_TRUE(absl::StrContains(audited[0].detail, part)) << audited[0].detail;
  }
}

TEST_F(DoorTest, ATokenMayBeUsedAgain) {
  Open();
  const std::string token = GoodToken();
  EXPECT_EQ(StatusOf(Body(token)), 200);
  EXPECT_EQ(StatusOf(Body(token)), 200);
  EXPECT_EQ(Audited().size(), 2u);
}

TEST_F(DoorTest, WhateverIsWrongWithATokenTheAnswerIsOne) {
  Open();
  const PrivateKey stranger = PrivateKey::Generate(KeyType::kP256).value();
  const Members good = GoodClaims(clock_.Now());
  const std::string header = ToJson(HeaderOf("ES256", "one"));
  const struct {
    const char* what;
    std::string token;
    const char* reason;
  } cases[] = {
      {"no token", "x", "TOKEN_MALFORMED"},
      {"a stranger's", SignJwt(stranger, header, ToJson(good)), "TOKEN_SIGNATURE"},
      {"another issuer", Token(With(good, "iss", Quoted("https://evil.example"))), "TOKEN_ISSUER"},
      {"another audience", Token(With(good, "aud", Quoted("x"))), "TOKEN_AUDIENCE"},
      {"over", Token(GoodClaims(clock_.Now() - absl::Hours(1))), "TOKEN_EXPIRED"},
      {"another repository", Token(With(good, "repository", Quoted("acme/web-evil"))),
       "TOKEN_NOBODY"},
      {"an unknown key", SignJwt(oidc_key_, ToJson(HeaderOf("ES256", "two")), ToJson(good)),
       "TOKEN_KEY"},
      {"half an API token", "norroy_0", "TOKEN_MALFORMED"},
      {"an API token", absl::StrCat("norroy_", std::string(32, 'a'), "_", std::string(43, 'A')),
       "TOKEN_UNKNOWN"},
  };
  std::set<std::string> bodies;
  for (const auto& c : cases) {
    const auto response = Send(*client_, Body(c.token));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 401) << c.what;
    bodies.insert(response->body);
    const auto audited = Audited();
    EXPECT_EQ(audited.back().object, absl::StrCat("sign_in/", c.reason)) << c.what;
    EXPECT_EQ(audited.back().outcome, audit::kDenied);
    EXPECT_EQ(audited.back().principal, "nobody");
    EXPECT_FALSE(absl::StrContains(audited.back().detail, c.token)) << "no token in the log";
  }
  EXPECT_EQ(bodies.size(), 1u);
}

TEST_F(DoorTest, ApiTokens) {
  Open();
  store::ApiToken token{.principal = "requester/nightly",
                        .creator = "operator/alice",
                        .create_time = clock_.Now(),
                        .expire_time = clock_.Now() + absl::Hours(1)};
  const auto secret = tokens_->Create(token, random_, {"operator/alice", "api_token.create", ""});
  ASSERT_TRUE(secret.ok());
  const auto response = Send(*client_, Body(std::string(secret->Expose())));
  ASSERT_TRUE(response.ok() && response->status == 200) << response->body;
  EXPECT_TRUE(absl::StrContains(response->body, "requester/nightly"));
  EXPECT_TRUE(absl::StrContains(Audited().back().detail, token.id));
  EXPECT_FALSE(absl::StrContains(Audited().back().detail, secret->Expose()));
  ASSERT_TRUE(tokens_->Delete(token.id, {"operator/alice", "api_token.delete", ""}).ok());
  EXPECT_EQ(StatusOf(Body(std::string(secret->Expose()))), 401);
}

TEST_F(DoorTest, RequestsThatAreNone) {
  Open();
  const std::string good = GoodToken();
  std::string broken_csr = csr_;
  broken_csr.back() = static_cast<char>(broken_csr.back() ^ 1);
  const PrivateKey p384 = PrivateKey::Generate(KeyType::kP384).value();
  const struct {
    const char* what;
    std::string body;
    int status;
  } cases[] = {
      {"nothing", "", 400},
      {"no JSON", "token=x", 400},
      {"an array", "[]", 400},
      {"no csr", absl::StrCat("{\"token\":\"", good, "\"}"), 400},
      {"no token", BodyWith("", csr_), 400},
      {"another member", absl::StrCat("{\"principal\":\"operator/alice\",", Body(good).substr(1)),
       400},
      {"no proof of possession", BodyWith(good, broken_csr), 400},
      {"P-384", BodyWith(good, crypto::BuildCsr(p384, {}).value()), 400},
      {"no CSR", BodyWith(good, "csr"), 400},
      {"16 KiB", std::string(16 * 1024, ' '), 400},
      {"a byte more", std::string(16 * 1024 + 1, ' '), 413},
      {"17 KiB", Body(good) + std::string(17 * 1024, ' '), 413},
      {"a megabyte", std::string(1 << 20, ' '), 413},
  };
  for (const auto& c : cases) EXPECT_EQ(StatusOf(c.body), c.status) << c.what;
  EXPECT_EQ(StatusOf(Body(good), "/"), 404);
  EXPECT_EQ(StatusOf(Body(good), "/v1/sign-in/"), 404);
  EXPECT_EQ(StatusOf(Body(good), "/v1/sign-in?x=1"), 404);
  EXPECT_EQ(StatusOf("", kSignInPath, "GET"), 405);
  EXPECT_EQ(StatusOf(Body(good)), 200);
}

TEST_F(DoorTest, NamesInACsrAreIgnored) {
  Open();
  const std::string csr =
      crypto::BuildCsr(key_, {challenge::Name::Parse("www.example.com").value()}).value();
  const auto response = Send(*client_, BodyWith(GoodToken(), csr));
  ASSERT_TRUE(response.ok() && response->status == 200) << response->body;
  const JsonValue json = ParseJson(response->body, 64 * 1024).value();
  const auto leaf = crypto::Certificate::ParsePem(*json.FindText("certificateChainPem"));
  EXPECT_TRUE(leaf->names().empty());
  EXPECT_EQ(leaf->uris(), std::vector<std::string>{"spiffe://ci.test/requester/ci-web"});
}

TEST_F(DoorTest, WithoutAuditNoCertificate) {
  {
    MutexLock lock(&mutex_);
    audit_status_ = absl::UnavailableError("disk full");
  }
  Open();
  EXPECT_EQ(StatusOf(Body(GoodToken())), 503);
}

TEST_F(DoorTest, WithoutKeysNotNow) {
  jwks_ = "";
  Open();
  EXPECT_EQ(StatusOf(Body(GoodToken())), 503);
}

TEST_F(DoorTest, RateOfAnAddress) {
  settings_.requests_per_minute = 5;
  Open();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(StatusOf("x"), 400) << i;
  const auto refused = Send(*client_, Body(GoodToken()));
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->Header("Retry-After"), "12");
  const auto other = NewClient("127.0.0.9");
  const auto answer = Send(*other, Body(GoodToken()));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 200) << "another address";
}

TEST_F(DoorTest, WhoHoldsConnectionsOpenKeepsNobodyOut) {
  Open();
  std::list<Silent> silent;
  for (int i = 0; i < 300; ++i) {
    silent.emplace_back(port(), absl::StrCat("127.0.1.", 1 + i % 60));
    // The beginning of a ClientHello.
    if (i % 2 == 0) silent.back().Say(absl::string_view("\x16\x03\x01\x02\x00\x01", 6));
    if (i % 50 == 49) {
      EXPECT_EQ(StatusOf(Body(GoodToken())), 200) << i;
    }
  }
  EXPECT_EQ(StatusOf(Body(GoodToken())), 200);
  EXPECT_TRUE(silent.front().IsClosedWithin(5)) << "the oldest goes";
}

TEST_F(DoorTest, NoMoreThanEightOfOneAddress) {
  Open();
  std::list<Silent> silent;
  for (int i = 0; i < 9; ++i) silent.emplace_back(port(), "127.0.0.1");
  EXPECT_TRUE(silent.front().IsClosedWithin(5));
  EXPECT_EQ(StatusOf(Body(GoodToken())), 200) << "nor can the same address";
}

TEST_F(DoorTest, TheCertificateIsReloaded) {
  Open();
  EXPECT_EQ(StatusOf("x"), 400);
  // Another root: who still served the old certificate would not be believed.
  root_ = identity::MakeRoot("core", "test", clock_.Now(), absl::Hours(24)).value();
  ASSERT_TRUE(
      identity::WriteFileAtomically(dir_ + "core.pem", root_->certificate.ToPem(), 0644).ok());
  WriteServerIdentity("main");
  bool served = false;
  for (int i = 0; i < 100 && !served; ++i) {
    client_ = NewClient();
    served = Send(*client_, "x").ok();
    if (!served) absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_TRUE(served);
}

TEST(HttpsServer, TheDeadlineIsAbsolute) {
  SystemClock clock;
  const std::string dir = absl::StrCat(std::getenv("TEST_TMPDIR"), "/deadline-");
  const auto root = identity::MakeRoot("core", "test", clock.Now(), absl::Hours(24)).value();
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  const auto leaf = identity::IssueLeaf(
      root, key.public_key(),
      {{"test", types::v1::ROLE_ISSUER, "m", ""}, {"127.0.0.1"}, clock.Now(), absl::Hours(1)});
  ASSERT_TRUE(identity::WriteIdentityFile(dir + "i.pem", {key, {*leaf}}).ok());
  HttpsServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.tls_file = dir + "i.pem";
  options.deadline = absl::Milliseconds(600);
  options.judge = [](const HttpHead&) { return std::nullopt; };
  options.handle = [](const HttpsRequest&) { return HttpsReply{}; };
  options.refuse = [](int) { return std::string("{}"); };
  const auto server = HttpsServer::Start(options, clock);
  ASSERT_TRUE(server.ok()) << server.status();
  Silent drip((*server)->ports()[0], "127.0.0.1");
  std::thread dripping([&] {
    // A ClientHello that never ends: a record of 512 bytes, a byte now and then.
    drip.Say(absl::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9));
    for (int i = 0; i < 4; ++i) {
      absl::SleepFor(absl::Milliseconds(100));
      drip.Say("x");
    }
  });
  dripping.join();
  EXPECT_TRUE(drip.IsClosedWithin(5));
  EXPECT_TRUE(HttpsServer::CheckAddress("127.0.0.1:8443").ok());
  EXPECT_TRUE(HttpsServer::CheckAddress("[::]:8443").ok());
  for (const char* bad : {"", "127.0.0.1", "::1", "localhost:1", "[::1]", "127.0.0.1:x", ":8443"}) {
    EXPECT_FALSE(HttpsServer::CheckAddress(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace norroy::sign_in
