#include "issuer/sign_in/oidc_issuer.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/sign_in/test_jwt.h"

namespace norroy::sign_in {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr char kDiscovery[] = "https://ci.example.test/.well-known/openid-configuration";
constexpr char kJwks[] = "https://ci.example.test/jwks";

// Pages by URL; no page: out of reach.
class Pages final : public http::Client {
 public:
  absl::StatusOr<http::Response> Send(const http::Request& request) override {
    MutexLock lock(&mutex_);
    asked_.push_back(request.url);
    EXPECT_LE(request.max_body_bytes, 256u * 1024);
    const auto page = pages_.find(request.url);
    if (page == pages_.end()) return absl::UnavailableError("nobody is there");
    http::Response response;
    response.status = page->second.empty() ? 500 : 200;
    response.body = page->second;
    return response;
  }
  void Set(const std::string& url, const std::string& body) {
    MutexLock lock(&mutex_);
    pages_[url] = body;
  }
  void Remove(const std::string& url) {
    MutexLock lock(&mutex_);
    pages_.erase(url);
  }
  std::vector<std::string> Asked() {
    MutexLock lock(&mutex_);
    return std::exchange(asked_, {});
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::string> pages_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
};

crypto::PrivateKey NewKey() { return crypto::PrivateKey::Generate(crypto::KeyType::kP256).value(); }

class OidcIssuerTest : public ::testing::Test {
 protected:
  OidcIssuerTest() { Publish(kJwks); }

  static OidcIssuerOptions Options() {
    OidcIssuerOptions options;
    options.rules = {kTestIssuer, kTestAudience, {"ES256"}};
    options.claims =
        ClaimRules::Make(kTestIssuer, {{{{"repository", "acme/web"}}, "requester/web"}}).value();
    return options;
  }
  void Publish(const std::string& jwks_uri, const std::string& issuer = kTestIssuer) {
    pages_.Set(kDiscovery, ToJson({{"issuer", Quoted(issuer)}, {"jwks_uri", Quoted(jwks_uri)}}));
  }
  void PublishKeys(const std::vector<std::string>& jwks) { pages_.Set(kJwks, JwksOf(jwks)); }

  // "ok", or the reason of the refusal.
  std::string Try(const crypto::PrivateKey& key, const std::string& kid) {
    const std::string token =
        SignJwt(key, ToJson(HeaderOf("ES256", kid)), ToJson(GoodClaims(clock_.Now())));
    const auto jwt = issuer_.Verify(ParsedJwt::Parse(token).value());
    return jwt.ok() ? "ok" : ErrorReason(jwt.status());
  }

  const crypto::PrivateKey one_ = NewKey();
  const crypto::PrivateKey two_ = NewKey();
  const std::string jwk_one_ = JwkOf(one_.public_key(), "one");
  const std::string jwk_two_ = JwkOf(two_.public_key(), "two");
  SimulatedClock clock_{kNow};
  Pages pages_;
  OidcIssuer issuer_{Options(), pages_, clock_};
};

TEST_F(OidcIssuerTest, DiscoversAndKeepsKeys) {
  PublishKeys({jwk_one_});
  EXPECT_EQ(Try(one_, "one"), "ok");
  EXPECT_EQ(pages_.Asked(), (std::vector<std::string>{kDiscovery, kJwks}));
  clock_.Advance(absl::Minutes(9));
  EXPECT_EQ(Try(one_, "one"), "ok");
  EXPECT_TRUE(pages_.Asked().empty());
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Try(one_, "one"), "ok");
  EXPECT_EQ(pages_.Asked().size(), 2u) << "ten minutes old";
}

TEST_F(OidcIssuerTest, PicksUpANewKey) {
  PublishKeys({jwk_one_});
  EXPECT_EQ(Try(one_, "one"), "ok");
  PublishKeys({jwk_one_, jwk_two_});
  EXPECT_EQ(Try(two_, "two"), "TOKEN_KEY") << "sooner than a minute after the last time";
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Try(two_, "two"), "ok");
  PublishKeys({jwk_two_});
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(Try(one_, "one"), "TOKEN_KEY") << "withdrawn";
}

TEST_F(OidcIssuerTest, StrangersCannotMakeItFetch) {
  PublishKeys({jwk_one_});
  EXPECT_EQ(Try(one_, "one"), "ok");
  pages_.Asked();
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(Try(two_, absl::StrCat("kid-", i)), "TOKEN_KEY");
    clock_.Advance(absl::Milliseconds(100));
  }
  EXPECT_TRUE(pages_.Asked().empty()) << "within the first minute";
  for (int i = 0; i < 600; ++i) {
    Try(two_, absl::StrCat("kid-", i));
    clock_.Advance(absl::Milliseconds(100));
  }
  EXPECT_EQ(pages_.Asked().size(), 2u) << "once in the second";
}

TEST_F(OidcIssuerTest, FailuresAreNotRepeatedSoonerThanAMinute) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Try(one_, "one"), "NO_KEYS");
  EXPECT_EQ(pages_.Asked().size(), 2u);
  PublishKeys({jwk_one_});
  EXPECT_EQ(Try(one_, "one"), "NO_KEYS");
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Try(one_, "one"), "ok");
}

TEST_F(OidcIssuerTest, OldKeysCountForADay) {
  PublishKeys({jwk_one_});
  EXPECT_EQ(Try(one_, "one"), "ok");
  pages_.Remove(kJwks);
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(Try(one_, "one"), "ok");
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(Try(one_, "one"), "NO_KEYS");
  pages_.Set(kJwks, "");
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(Try(one_, "one"), "NO_KEYS");
  PublishKeys({jwk_one_});
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(Try(one_, "one"), "ok");
}

TEST_F(OidcIssuerTest, DiscoveryLeadsNowhereElse) {
  PublishKeys({jwk_one_});
  pages_.Set("https://evil.example/jwks", JwksOf({jwk_one_}));
  const struct {
    const char* what;
    std::string issuer;
    std::string jwks_uri;
  } cases[] = {
      {"another issuer", "https://evil.example", kJwks},
      {"the issuer with a slash", "https://ci.example.test/", kJwks},
      {"another host", kTestIssuer, "https://evil.example/jwks"},
      {"a host that begins so", kTestIssuer, "https://ci.example.test.evil.example/jwks"},
      {"user info", kTestIssuer, "https://ci.example.test@evil.example/jwks"},
      {"another port", kTestIssuer, "https://ci.example.test:8443/jwks"},
      {"no TLS", kTestIssuer, "http://ci.example.test/jwks"},
      {"a file", kTestIssuer, "file:///etc/passwd"},
      {"an address of ours", kTestIssuer, "https://127.0.0.1/jwks"},
  };
  for (const auto& c : cases) {
    Publish(c.jwks_uri, c.issuer);
    clock_.Advance(absl::Minutes(2));
    EXPECT_EQ(Try(one_, "one"), "NO_KEYS") << c.what;
    EXPECT_EQ(pages_.Asked(), std::vector<std::string>{kDiscovery}) << c.what;
  }
  Publish(kJwks);
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(Try(one_, "one"), "ok");
}

TEST_F(OidcIssuerTest, ExtraHostsAndAUrlOfOurs) {
  pages_.Set("https://keys.example.test/jwks", JwksOf({jwk_one_}));
  Publish("https://keys.example.test/jwks");
  OidcIssuerOptions extra = Options();
  extra.extra_hosts = {"keys.example.test"};
  OidcIssuer by_discovery(extra, pages_, clock_);
  OidcIssuerOptions direct = Options();
  direct.jwks_url = "https://keys.example.test/jwks";
  OidcIssuer by_url(direct, pages_, clock_);
  const auto token =
      ParsedJwt::Parse(SignJwt(one_, ToJson(HeaderOf("ES256", "one")), ToJson(GoodClaims(kNow))))
          .value();
  EXPECT_TRUE(by_discovery.Verify(token).ok());
  pages_.Asked();
  EXPECT_TRUE(by_url.Verify(token).ok());
  EXPECT_EQ(pages_.Asked(), std::vector<std::string>{"https://keys.example.test/jwks"});
}

TEST_F(OidcIssuerTest, ManyAtOnceFetchOnce) {
  PublishKeys({jwk_one_});
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(Try(one_, "one"), "ok"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pages_.Asked().size(), 2u);
}

TEST(OidcIssuer, UrlsOfTheConfiguration) {
  OidcIssuerOptions options;
  options.rules.issuer = "http://ci.example.test";
  EXPECT_FALSE(CheckIssuerUrls(options).ok());
  options.rules.issuer = "https://ci.example.test/team";
  EXPECT_TRUE(CheckIssuerUrls(options).ok());
  options.jwks_url = "http://ci.example.test/jwks";
  EXPECT_TRUE(absl::StrContains(CheckIssuerUrls(options).message(), "jwks_url"));
}

}  // namespace
}  // namespace norroy::sign_in
