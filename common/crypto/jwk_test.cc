#include "common/crypto/jwk.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"

namespace norroy::crypto {
namespace {

// A member of PublicKey::jwk(), which is written by other code.
std::string Member(const PublicKey& key, const std::string& name) {
  const std::string mark = absl::StrCat("\"", name, "\":\"");
  const size_t begin = key.jwk().find(mark) + mark.size();
  return key.jwk().substr(begin, key.jwk().find('"', begin) - begin);
}

TEST(Jwk, IsTheKeyThatItWasMadeOf) {
  for (const KeyType type : {KeyType::kRsa2048, KeyType::kRsa3072, KeyType::kRsa4096}) {
    const PrivateKey key = PrivateKey::Generate(type).value();
    const auto read = RsaKeyOfJwk(Member(key.public_key(), "n"), Member(key.public_key(), "e"));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, key.public_key());
  }
  for (int i = 0; i < 20; ++i) {
    const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
    const auto read = P256KeyOfJwk(Member(key.public_key(), "x"), Member(key.public_key(), "y"));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, key.public_key());
    EXPECT_TRUE(read->Verify("data", *key.Sign("data")));
  }
}

TEST(Jwk, AZeroByteBeforeAModulusIsForgiven) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kRsa2048).value();
  const std::string n = *Base64UrlDecode(Member(key.public_key(), "n"));
  const auto read = RsaKeyOfJwk(Base64Url(std::string(1, '\0') + n), "AQAB");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, key.public_key());
}

TEST(Jwk, Refuses) {
  const PrivateKey rsa = PrivateKey::Generate(KeyType::kRsa2048).value();
  const PrivateKey ec = PrivateKey::Generate(KeyType::kP256).value();
  const std::string n = Member(rsa.public_key(), "n");
  const std::string x = Member(ec.public_key(), "x");
  const std::string y = Member(ec.public_key(), "y");
  const struct {
    const char* what;
    absl::StatusOr<PublicKey> key;
    const char* says;
  } cases[] = {
      {"nothing", RsaKeyOfJwk("", ""), "n is zero"},
      {"zero", RsaKeyOfJwk("AAAA", "AQAB"), "n is zero"},
      {"1024 bits", RsaKeyOfJwk(Base64Url(std::string(128, '\xFF')), "AQAB"), "1024 bits"},
      {"a huge modulus", RsaKeyOfJwk(std::string(100'000, '_'), "AQAB"), "longer than 4096"},
      {"4104 bits", RsaKeyOfJwk(Base64Url(std::string(513, '\xFF')), "AQAB"), "longer than 4096"},
      {"padding", RsaKeyOfJwk(n + "=", "AQAB"), "n is not base64url"},
      {"exponent 1", RsaKeyOfJwk(n, "AQ"), "exponent"},
      {"exponent 3", RsaKeyOfJwk(n, "Aw"), "exponent"},
      {"a huge exponent", RsaKeyOfJwk(n, std::string(600, 'B')), "e is longer"},
      {"an even modulus", RsaKeyOfJwk(Base64Url(std::string(255, '\xFF') + "\xFE"), "AQAB"), "JWK"},
      {"a short x", P256KeyOfJwk(x.substr(0, 40), y), "32 bytes"},
      {"off the curve", P256KeyOfJwk(x, x), "key"},
      {"a long y", P256KeyOfJwk(x, y + "AAAA"), "y is longer"},
      {"no y", P256KeyOfJwk(x, ""), "32 bytes"},
  };
  for (const auto& c : cases) {
    EXPECT_FALSE(c.key.ok()) << c.what;
    const std::string message(c.key.status().message());
    if (std::string(c.what) == "an even modulus") continue;
    EXPECT_TRUE(absl::StrContains(message, c.says)) << c.what << ": " << message;
  }
}

}  // namespace
}  // namespace norroy::crypto
