// Forged, odd and good tokens: how each is made, and why it is refused.

#include "issuer/sign_in/jwt.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "issuer/sign_in/test_jwt.h"

namespace norroy::sign_in {
namespace {

using crypto::Base64Url;
using crypto::KeyType;
using crypto::PrivateKey;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const std::string kMade = "made";  // accepted

const PrivateKey& Rsa() {
  static const auto* const key = new PrivateKey(PrivateKey::Generate(KeyType::kRsa2048).value());
  return *key;
}
const PrivateKey& Ec() {
  static const auto* const key = new PrivateKey(PrivateKey::Generate(KeyType::kP256).value());
  return *key;
}
const PrivateKey& Stranger() {
  static const auto* const key = new PrivateKey(PrivateKey::Generate(KeyType::kRsa2048).value());
  return *key;
}
const PrivateKey& StrangerEc() {
  static const auto* const key = new PrivateKey(PrivateKey::Generate(KeyType::kP256).value());
  return *key;
}
const PrivateKey& P384() {
  static const auto* const key = new PrivateKey(PrivateKey::Generate(KeyType::kP384).value());
  return *key;
}

const KeySet& Keys() {
  static const auto* const keys = new KeySet(
      KeySet::Parse(JwksOf({JwkOf(Rsa().public_key(), "rsa"), JwkOf(Ec().public_key(), "ec")}))
          .value());
  return *keys;
}

std::string Header(const std::string& algorithm = "RS256", const std::string& kid = "rsa") {
  return ToJson(HeaderOf(algorithm, kid));
}
std::string HeaderWith(const std::string& name, const std::string& value) {
  return ToJson(With(HeaderOf("RS256", "rsa"), name, value));
}
std::string Claims() { return ToJson(GoodClaims(kNow)); }
std::string ClaimsWith(const std::string& name, const std::string& value) {
  return ToJson(With(GoodClaims(kNow), name, value));
}
std::string Good() { return SignJwt(Rsa(), Header(), Claims()); }
std::string GoodWith(const std::string& name, const std::string& value) {
  return SignJwt(Rsa(), Header(), ClaimsWith(name, value));
}
std::string At(absl::Duration offset) { return absl::StrCat(absl::ToUnixSeconds(kNow + offset)); }

// With another signature.
std::string Signed(const std::string& header, const std::string& claims,
                   const std::string& signature) {
  return absl::StrCat(Base64Url(header), ".", Base64Url(claims), ".", Base64Url(signature));
}
std::string Hmac(const std::string& header, const std::string& claims, const std::string& secret) {
  const std::string part = absl::StrCat(Base64Url(header), ".", Base64Url(claims));
  return absl::StrCat(part, ".", Base64Url(crypto::HmacSha256(crypto::Secret(secret), part)));
}
std::string Pem() { return crypto::PemEncode("PUBLIC KEY", Rsa().public_key().spki_der()); }
// Part `index` replaced.
std::string Part(size_t index, const std::string& text) {
  const std::string good = Good();
  const size_t first = good.find('.');
  const size_t last = good.rfind('.');
  std::vector<std::string> parts = {good.substr(0, first), good.substr(first + 1, last - first - 1),
                                    good.substr(last + 1)};
  parts[index] = text;
  return absl::StrCat(parts[0], ".", parts[1], ".", parts[2]);
}
std::string SignatureOf(const std::string& token) {
  return *crypto::Base64UrlDecode(token.substr(token.rfind('.') + 1));
}
std::string Flipped(std::string bytes, size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  return bytes;
}

struct Case {
  std::string what;
  std::string token;
  std::string reason;  // kMade: accepted
};

std::string Judge(const std::string& token, const JwtRules& rules, const KeySet& keys) {
  const auto parsed = ParsedJwt::Parse(token);
  if (!parsed.ok()) return ErrorReason(parsed.status());
  const auto verified = VerifyJwt(*parsed, rules, keys, kNow);
  return verified.ok() ? kMade : ErrorReason(verified.status());
}

const JwtRules kRules{kTestIssuer, kTestAudience, {"RS256", "ES256"}};

void JudgeAll(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(Judge(c.token, kRules, Keys()), c.reason) << c.what;
}

TEST(JwtCorpus, Good) {
  const std::string es = SignJwt(Ec(), Header("ES256", "ec"), Claims());
  JudgeAll({
      {"RS256", Good(), kMade},
      {"ES256", es, kMade},
      {"no typ", SignJwt(Rsa(), HeaderWith("typ", ""), Claims()), kMade},
      {"typ in lower case", SignJwt(Rsa(), HeaderWith("typ", "\"jwt\""), Claims()), kMade},
      {"an audience of two", GoodWith("aud", "[\"other\",\"norroy\"]"), kMade},
      {"no nbf", GoodWith("nbf", ""), kMade},
      {"no jti", GoodWith("jti", ""), kMade},
      {"dates with fractions", GoodWith("exp", At(absl::Seconds(200)) + ".25"), kMade},
      {"just over, within the leeway", GoodWith("exp", At(absl::Seconds(-59))), "TOKEN_LIFETIME"},
      {"just over, with its iat",
       SignJwt(Rsa(), Header(),
               ToJson(With(With(GoodClaims(kNow), "exp", At(absl::Seconds(-59))), "iat",
                           At(absl::Seconds(-359))))),
       kMade},
      {"a clock ahead within the leeway",
       SignJwt(Rsa(), Header(),
               ToJson(With(With(GoodClaims(kNow), "nbf", At(absl::Seconds(59))), "iat",
                           At(absl::Seconds(60))))),
       kMade},
      {"24 hours", GoodWith("exp", At(absl::Hours(24))), kMade},
      {"an unknown claim that is deep", GoodWith("x", "[[[[[1]]]]]"), kMade},
  });
}

TEST(JwtCorpus, AlgorithmConfusion) {
  const std::string n = Rsa().public_key().jwk();
  JudgeAll({
      {"none, no signature", Base64Url(Header("none")) + "." + Base64Url(Claims()) + ".",
       "TOKEN_MALFORMED"},
      {"none, a signature", Signed(Header("none"), Claims(), "x"), "TOKEN_ALGORITHM"},
      {"None", Signed(Header("None"), Claims(), "x"), "TOKEN_ALGORITHM"},
      {"NONE with the good signature", Signed(Header("NONE"), Claims(), SignatureOf(Good())),
       "TOKEN_ALGORITHM"},
      {"HS256 with the PEM", Hmac(Header("HS256"), Claims(), Pem()), "TOKEN_ALGORITHM"},
      {"HS256 with the DER", Hmac(Header("HS256"), Claims(), Rsa().public_key().spki_der()),
       "TOKEN_ALGORITHM"},
      {"HS256 with the JWK", Hmac(Header("HS256"), Claims(), n), "TOKEN_ALGORITHM"},
      {"HS256 that says RS256", Hmac(Header("RS256"), Claims(), Pem()), "TOKEN_SIGNATURE"},
      {"HS384", Hmac(Header("HS384"), Claims(), Pem()), "TOKEN_ALGORITHM"},
      {"HS512", Hmac(Header("HS512"), Claims(), Pem()), "TOKEN_ALGORITHM"},
      {"RS512", SignJwt(Rsa(), Header("RS512"), Claims()), "TOKEN_ALGORITHM"},
      {"PS256", SignJwt(Rsa(), Header("PS256"), Claims()), "TOKEN_ALGORITHM"},
      {"EdDSA", SignJwt(Rsa(), Header("EdDSA"), Claims()), "TOKEN_ALGORITHM"},
      {"ES384", SignJwt(P384(), Header("ES384", "ec"), Claims()), "TOKEN_ALGORITHM"},
      {"rs256", SignJwt(Rsa(), Header("rs256"), Claims()), "TOKEN_ALGORITHM"},
      {"RS256 with a blank", SignJwt(Rsa(), Header("RS256 "), Claims()), "TOKEN_ALGORITHM"},
      {"ES256 by the RSA key's kid", SignJwt(Ec(), Header("ES256", "rsa"), Claims()),
       "TOKEN_ALGORITHM"},
      {"RS256 by the EC key's kid", SignJwt(Rsa(), Header("RS256", "ec"), Claims()),
       "TOKEN_ALGORITHM"},
      {"no alg", SignJwt(Rsa(), HeaderWith("alg", ""), Claims()), "TOKEN_MALFORMED"},
      {"alg null", SignJwt(Rsa(), HeaderWith("alg", "null"), Claims()), "TOKEN_MALFORMED"},
      {"alg an array", SignJwt(Rsa(), HeaderWith("alg", "[\"RS256\"]"), Claims()),
       "TOKEN_MALFORMED"},
      {"alg twice", SignJwt(Rsa(), R"({"alg":"none","alg":"RS256","kid":"rsa"})", Claims()),
       "TOKEN_MALFORMED"},
      {"alg twice, escaped",
       SignJwt(Rsa(), R"({"alg":"RS256","\u0061lg":"none","kid":"rsa"})", Claims()),
       "TOKEN_MALFORMED"},
  });
}

TEST(JwtCorpus, KeysOfTheirOwn) {
  const std::string jwk = JwkOf(Stranger().public_key(), "rsa");
  const auto by_stranger = [](const std::string& header) {
    return SignJwt(Stranger(), header, Claims());
  };
  JudgeAll({
      {"a stranger's key", by_stranger(Header()), "TOKEN_SIGNATURE"},
      {"a stranger's EC key", SignJwt(StrangerEc(), Header("ES256", "ec"), Claims()),
       "TOKEN_SIGNATURE"},
      {"jwk", by_stranger(HeaderWith("jwk", jwk)), "TOKEN_SIGNATURE"},
      {"jku", by_stranger(HeaderWith("jku", "\"https://evil.example/jwks\"")), "TOKEN_SIGNATURE"},
      {"x5u", by_stranger(HeaderWith("x5u", "\"https://evil.example/c.pem\"")), "TOKEN_SIGNATURE"},
      {"x5c", by_stranger(HeaderWith("x5c", "[\"AAAA\"]")), "TOKEN_SIGNATURE"},
      {"kid a path", by_stranger(Header("RS256", "../../../../dev/null")), "TOKEN_KEY"},
      {"kid a URL", by_stranger(Header("RS256", "https://evil.example/k")), "TOKEN_KEY"},
      {"kid SQL", by_stranger(Header("RS256", "' UNION SELECT 'x")), "TOKEN_KEY"},
      {"kid in upper case", SignJwt(Rsa(), Header("RS256", "RSA"), Claims()), "TOKEN_KEY"},
      {"kid with a blank", SignJwt(Rsa(), Header("RS256", "rsa "), Claims()), "TOKEN_KEY"},
      {"kid the beginning of one", SignJwt(Rsa(), Header("RS256", "rs"), Claims()), "TOKEN_KEY"},
      {"no kid, two keys", SignJwt(Rsa(), HeaderWith("kid", ""), Claims()), "TOKEN_KEY"},
      {"kid a number", SignJwt(Rsa(), HeaderWith("kid", "1"), Claims()), "TOKEN_MALFORMED"},
      {"kid too long", SignJwt(Rsa(), Header("RS256", std::string(257, 'k')), Claims()),
       "TOKEN_MALFORMED"},
      {"crit", SignJwt(Rsa(), HeaderWith("crit", "[\"exp\"]"), Claims()), "TOKEN_MALFORMED"},
      {"crit, empty", SignJwt(Rsa(), HeaderWith("crit", "[]"), Claims()), "TOKEN_MALFORMED"},
      {"another type", SignJwt(Rsa(), HeaderWith("typ", "\"logout+jwt\""), Claims()),
       "TOKEN_MALFORMED"},
      {"a token in a token", SignJwt(Rsa(), HeaderWith("cty", "\"JWT\""), Claims()),
       "TOKEN_MALFORMED"},
  });
}

TEST(JwtCorpus, Signatures) {
  const std::string es = SignJwt(Ec(), Header("ES256", "ec"), Claims());
  const std::string es_header = Header("ES256", "ec");
  const std::string r_and_s = SignatureOf(es);
  // The DER form of 64 bytes of r and s that begin low.
  const std::string der = std::string("\x30\x44\x02\x20", 4) + r_and_s.substr(0, 32) +
                          std::string("\x02\x20", 2) + r_and_s.substr(32);
  JudgeAll({
      {"claims changed", Part(1, Base64Url(ClaimsWith("repository", "\"acme/secrets\""))),
       "TOKEN_SIGNATURE"},
      {"header changed", Part(0, Base64Url(HeaderWith("x", "1"))), "TOKEN_SIGNATURE"},
      {"first bit of the signature", Part(2, Base64Url(Flipped(SignatureOf(Good()), 0))),
       "TOKEN_SIGNATURE"},
      {"last bit of the signature", Part(2, Base64Url(Flipped(SignatureOf(Good()), 255))),
       "TOKEN_SIGNATURE"},
      {"half a signature", Part(2, Base64Url(SignatureOf(Good()).substr(0, 128))),
       "TOKEN_SIGNATURE"},
      {"a longer signature", Part(2, Base64Url(SignatureOf(Good()) + "x")), "TOKEN_SIGNATURE"},
      {"zeros", Part(2, Base64Url(std::string(256, '\0'))), "TOKEN_SIGNATURE"},
      {"one", Part(2, Base64Url(std::string(255, '\0') + "\x01")), "TOKEN_SIGNATURE"},
      {"r and s zero", Signed(es_header, Claims(), std::string(64, '\0')), "TOKEN_SIGNATURE"},
      {"r and s in DER", Signed(es_header, Claims(), der), "TOKEN_SIGNATURE"},
      {"r and s, one byte less", Signed(es_header, Claims(), r_and_s.substr(0, 63)),
       "TOKEN_SIGNATURE"},
      {"s before r", Signed(es_header, Claims(), r_and_s.substr(32) + r_and_s.substr(0, 32)),
       "TOKEN_SIGNATURE"},
      {"an enormous signature", Part(2, Base64Url(std::string(600, 'x'))), "TOKEN_MALFORMED"},
  });
}

TEST(JwtCorpus, ClaimsThatDoNotHold) {
  JudgeAll({
      {"no iss", GoodWith("iss", ""), "TOKEN_ISSUER"},
      {"iss of another", GoodWith("iss", "\"https://ci.example.test.evil.example\""),
       "TOKEN_ISSUER"},
      {"iss with a slash", GoodWith("iss", "\"https://ci.example.test/\""), "TOKEN_ISSUER"},
      {"iss in upper case", GoodWith("iss", "\"https://CI.example.test\""), "TOKEN_ISSUER"},
      {"iss http", GoodWith("iss", "\"http://ci.example.test\""), "TOKEN_ISSUER"},
      {"iss an array", GoodWith("iss", "[\"https://ci.example.test\"]"), "TOKEN_ISSUER"},
      {"no aud", GoodWith("aud", ""), "TOKEN_AUDIENCE"},
      {"aud of another", GoodWith("aud", "\"sts.amazonaws.com\""), "TOKEN_AUDIENCE"},
      {"aud longer", GoodWith("aud", "\"norroy2\""), "TOKEN_AUDIENCE"},
      {"aud an object", GoodWith("aud", "{\"norroy\":true}"), "TOKEN_AUDIENCE"},
      {"aud of no strings", GoodWith("aud", "[\"norroy\",1]"), "TOKEN_AUDIENCE"},
      {"aud empty", GoodWith("aud", "[]"), "TOKEN_AUDIENCE"},
      {"aud nested", GoodWith("aud", "[[\"norroy\"]]"), "TOKEN_AUDIENCE"},
      {"no exp", GoodWith("exp", ""), "TOKEN_CLAIMS"},
      {"exp a string", GoodWith("exp", Quoted(At(absl::Minutes(5)))), "TOKEN_CLAIMS"},
      {"exp null", GoodWith("exp", "null"), "TOKEN_CLAIMS"},
      {"exp negative", GoodWith("exp", "-1"), "TOKEN_CLAIMS"},
      {"exp without end", GoodWith("exp", "9e300"), "TOKEN_CLAIMS"},
      {"exp in milliseconds", GoodWith("exp", At(absl::Minutes(5)) + "000"), "TOKEN_CLAIMS"},
      {"exp over", GoodWith("exp", At(absl::Seconds(-60))), "TOKEN_EXPIRED"},
      {"exp in a year", GoodWith("exp", At(absl::Hours(24 * 365))), "TOKEN_LIFETIME"},
      {"exp a second too far", GoodWith("exp", At(absl::Hours(24) + absl::Seconds(1))),
       "TOKEN_LIFETIME"},
      {"no iat", GoodWith("iat", ""), "TOKEN_CLAIMS"},
      {"iat in the future",
       SignJwt(Rsa(), Header(),
               ToJson(With(With(GoodClaims(kNow), "iat", At(absl::Seconds(61))), "exp",
                           At(absl::Seconds(400))))),
       "TOKEN_NOT_YET"},
      {"exp before iat", GoodWith("exp", At(absl::Seconds(-1))), "TOKEN_LIFETIME"},
      {"nbf in the future", GoodWith("nbf", At(absl::Seconds(61))), "TOKEN_NOT_YET"},
      {"nbf a string", GoodWith("nbf", "\"now\""), "TOKEN_CLAIMS"},
      {"no sub", GoodWith("sub", ""), "TOKEN_CLAIMS"},
      {"sub empty", GoodWith("sub", "\"\""), "TOKEN_CLAIMS"},
      {"sub a number", GoodWith("sub", "7"), "TOKEN_CLAIMS"},
      {"sub too long", GoodWith("sub", Quoted(std::string(1025, 's'))), "TOKEN_CLAIMS"},
      {"jti a number", GoodWith("jti", "7"), "TOKEN_CLAIMS"},
      {"repository twice",
       SignJwt(Rsa(), Header(),
               absl::StrReplaceAll(Claims(), {{"{", "{\"repository\":\"acme/evil\","}})),
       "TOKEN_MALFORMED"},
  });
}

TEST(JwtCorpus, Forms) {
  const std::string good = Good();
  JudgeAll({
      {"nothing", "", "TOKEN_MALFORMED"},
      {"dots", "..", "TOKEN_MALFORMED"},
      {"two parts", good.substr(0, good.rfind('.')), "TOKEN_MALFORMED"},
      {"four parts", good + ".x", "TOKEN_MALFORMED"},
      {"encrypted: five parts", "a.b.c.d.e", "TOKEN_MALFORMED"},
      {"padding", good + "=", "TOKEN_MALFORMED"},
      {"a blank before", " " + good, "TOKEN_MALFORMED"},
      {"a line end behind", good + "\n", "TOKEN_MALFORMED"},
      {"plain base64", Part(1, "a+/b"), "TOKEN_MALFORMED"},
      {"header no JSON", Part(0, Base64Url("alg=RS256")), "TOKEN_MALFORMED"},
      {"header an array", Part(0, Base64Url("[1]")), "TOKEN_MALFORMED"},
      {"claims a string", Part(1, Base64Url("\"x\"")), "TOKEN_MALFORMED"},
      {"claims with a tail", Part(1, Base64Url(Claims() + "{}")), "TOKEN_MALFORMED"},
      {"claims with a NUL", Part(1, Base64Url(Claims() + std::string(1, '\0'))), "TOKEN_MALFORMED"},
      {"claims no UTF-8", Part(1, Base64Url("{\"a\":\"\xFF\"}")), "TOKEN_MALFORMED"},
      {"claims with a byte order mark", Part(1, Base64Url("\xEF\xBB\xBF{}")), "TOKEN_MALFORMED"},
      {"claims too deep",
       Part(1, Base64Url("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}")),
       "TOKEN_MALFORMED"},
      {"too long", good + std::string(kMaxToken, 'A'), "TOKEN_MALFORMED"},
      {"the JSON form of JWS", "{\"payload\":\"e30\",\"signatures\":[]}", "TOKEN_MALFORMED"},
  });
}

TEST(Jwt, OnlyAllowedAlgorithmsCount) {
  const std::string es = SignJwt(Ec(), Header("ES256", "ec"), Claims());
  const JwtRules rs_only{kTestIssuer, kTestAudience};
  EXPECT_EQ(Judge(es, rs_only, Keys()), "TOKEN_ALGORITHM");
  EXPECT_EQ(Judge(Good(), rs_only, Keys()), kMade);
  const JwtRules es_only{kTestIssuer, kTestAudience, {"ES256"}};
  EXPECT_EQ(Judge(es, es_only, Keys()), kMade);
  EXPECT_EQ(Judge(Good(), es_only, Keys()), "TOKEN_ALGORITHM");
}

TEST(Jwt, WithoutKidTheOnlyKeyCounts) {
  const KeySet one = KeySet::Parse(JwksOf({JwkOf(Rsa().public_key(), "")})).value();
  const std::string token = SignJwt(Rsa(), HeaderWith("kid", ""), Claims());
  EXPECT_EQ(Judge(token, kRules, one), kMade);
  EXPECT_EQ(Judge(SignJwt(Stranger(), HeaderWith("kid", ""), Claims()), kRules, one),
            "TOKEN_SIGNATURE");
}

TEST(Jwt, WhatIsVerifiedIsWhatIsPassedOn) {
  const auto parsed = ParsedJwt::Parse(Good());
  ASSERT_TRUE(parsed.ok());
  const auto jwt = VerifyJwt(*parsed, kRules, Keys(), kNow);
  ASSERT_TRUE(jwt.ok()) << jwt.status();
  EXPECT_EQ(jwt->issuer, kTestIssuer);
  EXPECT_EQ(jwt->subject, "repo:acme/web:ref:refs/heads/main");
  EXPECT_EQ(jwt->id, "job-1");
  EXPECT_EQ(jwt->kid, "rsa");
  EXPECT_EQ(jwt->expire_time, kNow + absl::Seconds(300));
  EXPECT_EQ(*jwt->claims.FindText("repository"), "acme/web");
}

TEST(KeySet, LeavesOutWhatIsNotForUs) {
  const std::string rsa = JwkOf(Rsa().public_key(), "a");
  const auto kept = [](const std::string& jwks) {
    const auto keys = KeySet::Parse(jwks);
    return keys.ok() ? static_cast<int>(keys->keys().size()) : -1;
  };
  const crypto::PublicKey& key = Ec().public_key();
  const struct {
    const char* what;
    std::string jwks;
    int kept;
  } cases[] = {
      {"one", JwksOf({rsa}), 1},
      {"for signatures", JwksOf({JwkOf(key, "e", {{"use", "\"sig\""}, {"alg", "\"ES256\""}})}), 1},
      {"for encryption", JwksOf({JwkOf(key, "e", {{"use", "\"enc\""}})}), -1},
      {"to verify", JwksOf({JwkOf(key, "e", {{"key_ops", "[\"verify\"]"}})}), 1},
      {"to derive", JwksOf({JwkOf(key, "e", {{"key_ops", "[\"deriveKey\"]"}})}), -1},
      {"another algorithm", JwksOf({JwkOf(key, "e", {{"alg", "\"RS256\""}})}), -1},
      {"PS256", JwksOf({JwkOf(Rsa().public_key(), "e", {{"alg", "\"PS256\""}})}), -1},
      {"a private key", JwksOf({JwkOf(key, "e", {{"d", "\"AAAA\""}})}), -1},
      {"a secret", JwksOf({R"({"kty":"oct","k":"AAAA","kid":"a"})"}), -1},
      {"Ed25519", JwksOf({R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"}), -1},
      {"P-384", JwksOf({JwkOf(P384().public_key(), "x")}), -1},
      {"512 bits",
       JwksOf({R"({"kty":"RSA","n":")" + Base64Url(std::string(64, '\xEF')) + R"(","e":"AQAB"})"}),
       -1},
      {"65536 bits",
       JwksOf(
           {R"({"kty":"RSA","n":")" + Base64Url(std::string(8192, '\xEF')) + R"(","e":"AQAB"})"}),
       -1},
      {"a good one among others",
       JwksOf({R"({"kty":"oct","k":"AAAA"})", rsa, JwkOf(P384().public_key(), "x")}), 1},
      {"64", JwksOf(std::vector<std::string>(64, rsa)), 64},
      {"65", JwksOf(std::vector<std::string>(65, rsa)), -1},
      {"none", JwksOf({}), -1},
      {"keys an object", R"({"keys":{}})", -1},
      {"no keys", "{}", -1},
      {"no JSON", "<html>", -1},
      {"too long", JwksOf({rsa}) + std::string(kMaxKeySet, ' '), -1},
  };
  for (const auto& c : cases) EXPECT_EQ(kept(c.jwks), c.kept) << c.what;
}

}  // namespace
}  // namespace norroy::sign_in
