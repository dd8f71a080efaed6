#include "issuer/acme/authorization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/error/error.h"
#include "issuer/acme/hostile_json.h"

namespace norroy::acme {
namespace {

using challenge::ChallengeType;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kUrl[] = "https://ca.example/authz/1";
constexpr char kAuthorization[] = R"({
  "status": "pending", "expires": "2026-03-08T12:00:00Z",
  "identifier": {"type": "dns", "value": "www.example.com"},
  "challenges": [
    {"type": "http-01", "url": "https://ca.example/chall/1", "status": "pending",
     "token": "DGyRejmCefe7v4NfDGDKfA"},
    {"type": "dns-persist-01", "url": "https://ca.example/chall/3", "status": "pending"},
    {"type": "dns-01", "url": "https://ca.example/chall/2", "status": "pending",
     "token": "DGyRejmCefe7v4NfDGDKfA"}]})";

UrlPolicy Policy() { return *UrlPolicy::Make("https://ca.example/dir", {}); }

TEST(Authorization, ReadsWhatTheRfcNames) {
  const auto authorization = Authorization::Parse(kAuthorization, kUrl, Policy());
  ASSERT_TRUE(authorization.ok()) << authorization.status();
  EXPECT_EQ(authorization->url, kUrl);
  EXPECT_EQ(authorization->status, AuthorizationStatus::kPending);
  EXPECT_EQ(authorization->name.text(), "www.example.com");
  EXPECT_TRUE(authorization->expires.has_value());
  ASSERT_THAT(authorization->challenges, SizeIs(2));
  EXPECT_EQ(authorization->challenges[0].type, ChallengeType::kHttp01);
  EXPECT_EQ(authorization->challenges[0].url, "https://ca.example/chall/1");
  EXPECT_EQ(authorization->challenges[0].token.value(), "DGyRejmCefe7v4NfDGDKfA");
  EXPECT_EQ(authorization->challenges[0].status, ChallengeStatus::kPending);
  EXPECT_EQ(authorization->challenges[1].type, ChallengeType::kDns01);
  EXPECT_EQ(authorization->problem(), nullptr);
}

struct GoodAuthorization {
  std::string from, to;
  AuthorizationStatus status;
  std::string name;
};

TEST(Authorization, KnowsEveryStatusAndKindOfName) {
  const auto pending = AuthorizationStatus::kPending;
  const std::vector<GoodAuthorization> cases = {
      {"\"pending\", \"expires", "\"valid\", \"expires", AuthorizationStatus::kValid,
       "www.example.com"},
      {"\"pending\", \"expires", "\"invalid\", \"expires", AuthorizationStatus::kInvalid,
       "www.example.com"},
      {"\"pending\", \"expires", "\"deactivated\", \"expires", AuthorizationStatus::kDeactivated,
       "www.example.com"},
      {"\"pending\", \"expires", "\"expired\", \"expires", AuthorizationStatus::kExpired,
       "www.example.com"},
      {"\"pending\", \"expires", "\"revoked\", \"expires", AuthorizationStatus::kRevoked,
       "www.example.com"},
      {"\"expires\"", "\"wildcard\": true, \"expires\"", pending, "*.www.example.com"},
      {"\"expires\"", "\"wildcard\": false, \"expires\"", pending, "www.example.com"},
      {"\"expires\"", "\"wildcard\": null, \"later\"", pending, "www.example.com"},
      {R"("dns", "value": "www.example.com")", R"("ip", "value": "2001:db8::1")", pending,
       "2001:db8::1"},
      {"\"challenges\"", "\"challenge\"", pending, "www.example.com"},
  };
  for (const GoodAuthorization& c : cases) {
    const std::string text = absl::StrReplaceAll(kAuthorization, {{c.from, c.to}});
    ASSERT_NE(text, kAuthorization);
    const auto authorization = Authorization::Parse(text, kUrl, Policy());
    ASSERT_TRUE(authorization.ok()) << c.to << authorization.status();
    EXPECT_EQ(authorization->status, c.status) << c.to;
    EXPECT_EQ(authorization->name.text(), c.name) << c.to;
  }
}

// What cannot be answered is left out; the others remain.
TEST(Authorization, LeavesOutChallengesThatCannotBeAnswered) {
  const std::string first = R"("token": "DGyRejmCefe7v4NfDGDKfA"},)";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("http-01")", R"("http-02")"},
      {R"("http-01")", R"("")"},
      {R"("http-01")", R"(1)"},
      {R"("type": "http-01")", R"("kind": "http-01")"},
      {first, R"("nonce": "x"},)"},
      {first, R"("token": ""},)"},
      {first, R"("token": null},)"},
      {first, R"("token": 5},)"},
      {first, R"("token": "../x"},)"},
      {first, R"("token": "a/b"},)"},
      {first, R"("token": "a.b"},)"},
      {first, R"("token": "a b"},)"},
      {first, R"("token": "%2e%2e"},)"},
      {first, R"("token": "a\u0000b"},)"},
      {first, R"("token": "a\n"},)"},
      {first, R"("token": "<script>"},)"},
      {first, R"("token": "short"},)"},
      {first, "\"token\": \"$(reboot)\"},"},
      {first, R"("token": "\u0430"},)"},
      {first, absl::StrCat(R"("token": ")", std::string(257, 'a'), R"("},)")},
      {first, absl::StrCat(R"("token": ")", std::string(10 * 1024, 'a'), R"("},)")},
      {R"("url": "https://ca.example/chall/1")", R"("uri": "https://ca.example/chall/1")"},
      {R"("url": "https://ca.example/chall/1", "status": "pending")",
       R"("url": "https://ca.example/chall/1", "status": "unknown")"},
      {R"("url": "https://ca.example/chall/1", "status": "pending")",
       R"("url": "https://ca.example/chall/1")"},
  };
  for (const auto& [from, to] : cases) {
    const std::string text = absl::StrReplaceAll(kAuthorization, {{from, to}});
    ASSERT_NE(text, kAuthorization) << from;
    const auto authorization = Authorization::Parse(text, kUrl, Policy());
    ASSERT_TRUE(authorization.ok()) << to << authorization.status();
    ASSERT_THAT(authorization->challenges, SizeIs(1)) << to;
    EXPECT_EQ(authorization->challenges[0].type, ChallengeType::kDns01);
  }
}

TEST(Authorization, TakesTokensUpToTheirCapAndOneChallengeOfAType) {
  for (const size_t length : {1, 21, 22, 255, 256, 257}) {
    const std::string text =
        absl::StrReplaceAll(kAuthorization, {{"DGyRejmCefe7v4NfDGDKfA", std::string(length, '_')}});
    const auto authorization = Authorization::Parse(text, kUrl, Policy());
    ASSERT_TRUE(authorization.ok());
    EXPECT_EQ(authorization->challenges.empty(), length < 22 || length > 256) << length;
  }
  const std::string twice = absl::StrReplaceAll(kAuthorization, {{"dns-01", "http-01"}});
  const auto authorization = Authorization::Parse(twice, kUrl, Policy());
  ASSERT_TRUE(authorization.ok());
  ASSERT_THAT(authorization->challenges, SizeIs(1));
  EXPECT_EQ(authorization->challenges[0].url, "https://ca.example/chall/1");
}

TEST(Authorization, CarriesTheProblem) {
  const std::string text = absl::StrReplaceAll(
      kAuthorization, {{R"(1", "status": "pending")",
                        R"(1", "status": "invalid", "error": {"detail": "404 at www\u001b[31m",
                           "type": "urn:ietf:params:acme:error:unauthorized", "status": 403})"}});
  const auto authorization = Authorization::Parse(text, kUrl, Policy());
  ASSERT_TRUE(authorization.ok()) << authorization.status();
  const Problem* const problem = authorization->problem();
  ASSERT_NE(problem, nullptr);
  EXPECT_EQ(problem->acme_type(), "unauthorized");
  EXPECT_EQ(problem->detail, "404 at www\\x1b[31m");
  EXPECT_EQ(authorization->challenges[0].status, ChallengeStatus::kInvalid);
}

struct BadAuthorization {
  std::string from, to;
  std::string reason;
  std::string says;
};

TEST(Authorization, SaysWhatIsWrong) {
  const std::vector<BadAuthorization> cases = {
      {"\"pending\", \"expires", "\"ready\", \"expires", "CA_PROTOCOL", "status"},
      {"\"pending\", \"expires", "7, \"expires", "CA_PROTOCOL", "status"},
      {"2026-03-08", "2026-99-08", "CA_PROTOCOL", "expires"},
      {"\"identifier\"", "\"identity\"", "CA_PROTOCOL", "identifier"},
      {"\"dns\", \"value\"", "\"dnsname\", \"value\"", "CA_PROTOCOL", "type"},
      {"www.example.com", "*.example.com", "CA_PROTOCOL", "value"},
      {"www.example.com", "www.example.com/../x", "CA_PROTOCOL", "value"},
      {"\"expires\"", "\"wildcard\": \"yes\", \"expires\"", "CA_PROTOCOL", "wildcard"},
      {R"("dns", "value": "www.example.com"})", R"("ip", "value": "192.0.2.1"}, "wildcard": true)",
       "CA_PROTOCOL", "wildcard"},
      {"https://ca.example/chall/2", "https://evil.example/chall/2", "CA_URL_REFUSED", "challenge"},
      {"https://ca.example/chall/1", "http://ca.example/chall/1", "CA_URL_REFUSED", "challenge"},
      {"\"challenges\": [", "\"challenges\": [5,", "CA_PROTOCOL", "challenges"},
      {"\"challenges\": [", "\"challenges\": {}, \"x\": [", "CA_PROTOCOL", "challenges"},
  };
  for (const BadAuthorization& c : cases) {
    const std::string text = absl::StrReplaceAll(kAuthorization, {{c.from, c.to}});
    ASSERT_NE(text, kAuthorization) << c.from;
    const auto authorization = Authorization::Parse(text, kUrl, Policy());
    ASSERT_FALSE(authorization.ok()) << c.to;
    EXPECT_EQ(ErrorReason(authorization.status()), c.reason) << authorization.status();
    EXPECT_THAT(std::string(authorization.status().message()), HasSubstr(c.says)) << c.to;
  }
  for (const HostileJson& c : HostileJsonTable()) {
    EXPECT_FALSE(Authorization::Parse(c.text, kUrl, Policy()).ok()) << c.name;
  }
}

}  // namespace
}  // namespace norroy::acme
