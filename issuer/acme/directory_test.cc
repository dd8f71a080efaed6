#include "issuer/acme/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/error/error.h"
#include "issuer/acme/hostile_json.h"

namespace norroy::acme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

UrlPolicy Policy() {
  return *UrlPolicy::Make("https://ca.example/dir", {"cdn.example", "[2001:db8::1]:8443"});
}

struct UrlCase {
  std::string url;
  bool allowed;
};

TEST(UrlPolicy, FollowsOnlyItsOwnHosts) {
  const std::vector<UrlCase> cases = {
      {"https://ca.example/", true},
      {"https://ca.example", true},
      {"https://ca.example?x=1", true},
      {"https://ca.example/a/b?c=d&e=%2F", true},
      {"https://CA.Example:443/x", true},
      {"HTTPS://ca.example/x", true},
      {"https://ca.example:0443/x", true},
      {"https://cdn.example/x", true},
      {"https://[2001:db8::1]:8443/x", true},
      {"https://[2001:DB8::1]:8443/x", true},
      {"https://ca.example:444/", false},
      {"https://ca.example:0/", false},
      {"https://ca.example:65536/", false},
      {"https://ca.example:443x/", false},
      {"https://ca.example:/", false},
      {"https://ca.example:44300000/", false},
      {"https://[2001:db8::1]/x", false},
      {"https://ca.example.evil.example/", false},
      {"https://evil.example/ca.example", false},
      {"https://evil.example?@ca.example/", false},
      {"https://evil.example#@ca.example/", false},
      {"https://evil.example\\@ca.example/", false},
      {"https://ca.example\\@evil.example/", false},
      {"https://ca.example@evil.example/", false},
      {"https://user:pass@ca.example/", false},
      {"https://@ca.example/", false},
      {"https://ca.example./", false},
      {"https://ca.example/#fragment", false},
      {"http://ca.example/", false},
      {"httpss://ca.example/", false},
      {"ftp://ca.example/", false},
      {"file:///etc/passwd", false},
      {"javascript:alert(1)", false},
      {"//ca.example/", false},
      {"/acme/order/1", false},
      {"ca.example/x", false},
      {"", false},
      {"https://", false},
      {"https:///x", false},
      {"https:/ca.example/", false},
      {" https://ca.example/", false},
      {"https://ca.example/a b", false},
      {"https://ca.example/a\r\nX: y", false},
      {std::string("https://ca.example/\0", 20), false},
      {"https://ca.example/\xC3\xA9", false},
      {"https://c\xD0\xB0.example/", false},
      {"https://xn--80a.example/", false},
      {"https://127.0.0.1/", false},
      {"https://2130706433/", false},
      {"https://ca%2Eexample/", false},
      {absl::StrCat("https://ca.example/", std::string(2048 - 19, 'a')), true},
      {absl::StrCat("https://ca.example/", std::string(2048 - 18, 'a')), false},
      {absl::StrCat("https://ca.example/", std::string(8192, 'a')), false},
  };
  const UrlPolicy policy = Policy();
  for (const UrlCase& c : cases) {
    const absl::Status status = policy.Check("an order", c.url);
    EXPECT_EQ(status.ok(), c.allowed) << c.url << ": " << status;
    if (status.ok()) continue;
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(ErrorReason(status), "CA_URL_REFUSED");
    EXPECT_THAT(std::string(status.message()), HasSubstr("an order"));
    EXPECT_LT(status.message().size(), 700u);
  }
}

TEST(UrlPolicy, ChecksItsOwnConfiguration) {
  for (const char* const url : {"", "http://ca.example/dir", "https://", "ca.example",
                                "https://user@ca.example/", "https://ca.example:x/"}) {
    const auto policy = UrlPolicy::Make(url, {});
    ASSERT_FALSE(policy.ok()) << url;
    EXPECT_EQ(ErrorReason(policy.status()), "BAD_DIRECTORY_URL");
  }
  for (const char* const host : {"", "https://cdn.example", "cdn.example/", "a:b", "a b", "u@h"}) {
    const auto policy = UrlPolicy::Make("https://ca.example/", {host});
    ASSERT_FALSE(policy.ok()) << host;
    EXPECT_EQ(ErrorReason(policy.status()), "BAD_EXTRA_HOST");
  }
}

constexpr char kDirectory[] = R"({
  "newNonce": "https://ca.example/nonce", "newAccount": "https://ca.example/account",
  "newOrder": "https://ca.example/order", "revokeCert": "https://ca.example/revoke",
  "keyChange": "https://cdn.example/key", "renewalInfo": "https://ca.example/ari",
  "newAuthz": "ftp://is/ignored", "meta": {"termsOfService": "https://ca.example/tos\u0007",
  "website": "https://elsewhere.example", "caaIdentities": ["ca.example"],
  "externalAccountRequired": true, "profiles": {"classic": "90 days", "odd": 5}}})";

TEST(Directory, ReadsWhatTheRfcNames) {
  const auto directory = Directory::Parse(kDirectory, Policy());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(directory->new_nonce, "https://ca.example/nonce");
  EXPECT_EQ(directory->new_account, "https://ca.example/account");
  EXPECT_EQ(directory->new_order, "https://ca.example/order");
  EXPECT_EQ(directory->revoke_cert, "https://ca.example/revoke");
  EXPECT_EQ(directory->key_change, "https://cdn.example/key");
  EXPECT_EQ(directory->renewal_info, "https://ca.example/ari");
  EXPECT_EQ(directory->terms_of_service, "https://ca.example/tos\\x07");
  EXPECT_EQ(directory->website, "https://elsewhere.example");
  EXPECT_THAT(directory->caa_identities, ElementsAre("ca.example"));
  EXPECT_TRUE(directory->external_account_required);
  EXPECT_THAT(directory->profiles, ElementsAre(Pair("classic", "90 days")));
}

TEST(Directory, NeedsLittle) {
  const auto directory = Directory::Parse(
      R"({"newNonce":"https://ca.example/n","newAccount":"https://ca.example/a",
          "newOrder":"https://ca.example/o","keyChange":null,"meta":null})",
      Policy());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(directory->key_change, "");
  EXPECT_EQ(directory->revoke_cert, "");
  EXPECT_FALSE(directory->external_account_required);
  EXPECT_THAT(directory->profiles, IsEmpty());
}

struct BadDirectory {
  std::string from, to;  // in kDirectory
  std::string reason;
  std::string says;
};

TEST(Directory, SaysWhatIsWrong) {
  const std::vector<BadDirectory> cases = {
      {"https://ca.example/nonce", "http://ca.example/nonce", "CA_URL_REFUSED", "newNonce"},
      {"https://ca.example/account", "https://evil.example/a", "CA_URL_REFUSED", "newAccount"},
      {"https://ca.example/order", "file:///etc/passwd", "CA_URL_REFUSED", "newOrder"},
      {"https://ca.example/revoke", "https://u@ca.example/", "CA_URL_REFUSED", "revokeCert"},
      {"https://cdn.example/key", "https://cdn.example:1/", "CA_URL_REFUSED", "keyChange"},
      {"https://ca.example/ari", "javascript:1", "CA_URL_REFUSED", "renewalInfo"},
      {"\"newOrder\"", "\"neworder\"", "CA_PROTOCOL", "newOrder is missing"},
      {"\"https://ca.example/order\"", "\"\"", "CA_PROTOCOL", "newOrder is missing"},
      {"\"https://ca.example/order\"", "7", "CA_PROTOCOL", "newOrder must be a string"},
      {"[\"ca.example\"]", "\"ca.example\"", "CA_PROTOCOL", "caaIdentities"},
      {"[\"ca.example\"]", "[1]", "CA_PROTOCOL", "caaIdentities"},
      {"Required\": true", "Required\": \"yes\"", "CA_PROTOCOL", "externalAccountRequired"},
      {"{\"classic\": \"90 days\", \"odd\": 5}", "[]", "CA_PROTOCOL", "profiles"},
  };
  for (const BadDirectory& c : cases) {
    const std::string text = absl::StrReplaceAll(kDirectory, {{c.from, c.to}});
    ASSERT_NE(text, kDirectory) << c.from;
    const auto directory = Directory::Parse(text, Policy());
    ASSERT_FALSE(directory.ok()) << c.to;
    EXPECT_EQ(ErrorReason(directory.status()), c.reason) << directory.status();
    EXPECT_THAT(std::string(directory.status().message()), HasSubstr(c.says));
  }
  for (const HostileJson& c : HostileJsonTable()) {
    EXPECT_FALSE(Directory::Parse(c.text, Policy()).ok()) << c.name;
  }
}

TEST(Directory, IsCapped) {
  const std::string prefix =
      R"({"newNonce":"https://ca.example/n","newAccount":"https://ca.example/a",
          "newOrder":"https://ca.example/o","x":")";
  for (const size_t size : {64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1}) {
    const std::string text =
        absl::StrCat(prefix, std::string(size - prefix.size() - 2, 'x'), "\"}");
    ASSERT_EQ(text.size(), size);
    EXPECT_EQ(Directory::Parse(text, Policy()).ok(), size <= 64 * 1024) << size;
  }
}

}  // namespace
}  // namespace norroy::acme
