#include "common/crypto/key.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key_corpus.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

std::string Decoded(absl::string_view base64url) { return Base64UrlDecode(base64url).value(); }

TEST(PublicKey, JudgesTheCorpus) {
  for (const KeyCase& c : KeyCorpus()) {
    const auto key = PublicKey::Parse(c.spki);
    EXPECT_EQ(key.ok(), c.error.empty()) << c.label << ": " << key.status();
    if (key.ok()) continue;
    EXPECT_EQ(key.status().code(), absl::StatusCode::kInvalidArgument) << c.label;
    EXPECT_EQ(ErrorReason(key.status()), "BAD_KEY") << c.label;
    EXPECT_TRUE(absl::StrContains(key.status().message(), c.error))
        << c.label << ": " << key.status();
  }
  EXPECT_EQ(ERR_peek_error(), 0u) << "an error was left on OpenSSL's queue";
}

TEST(PublicKey, RefusesEveryBeginning) {
  const std::string spki = PrivateKey::Generate(KeyType::kP256)->public_key().spki_der();
  for (size_t size = 0; size < spki.size(); ++size) {
    EXPECT_FALSE(PublicKey::Parse(spki.substr(0, size)).ok()) << size;
  }
}

// RFC 7638 3.1.
TEST(PublicKey, HasTheThumbprintOfRfc7638) {
  const std::string modulus = Decoded(
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
      "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
      "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
      "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw");
  const auto key = PublicKey::Parse(RsaSpki(modulus, Decoded("AQAB")));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->type(), KeyType::kRsa2048);
  EXPECT_TRUE(absl::StartsWith(key->jwk(), "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"0vx7agoebGc"));
  EXPECT_EQ(key->thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

// RFC 7515 A.3: a key, what it signed, and the signature.
TEST(PublicKey, VerifiesTheSignatureOfRfc7515) {
  const std::string x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
  const std::string y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
  const std::string prime256v1("\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07", 10);
  const auto key = PublicKey::Parse(EcSpki(prime256v1, "\x04" + Decoded(x) + Decoded(y)));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->jwk(),
            absl::StrCat("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"", x, "\",\"y\":\"", y, "\"}"));
  const absl::string_view data =
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
      "NvbS9pc19yb290Ijp0cnVlfQ";
  const std::string signature = Decoded(
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  EXPECT_TRUE(key->VerifyEs256(data, signature));
  for (size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(key->VerifyEs256(data, changed)) << i;
  }
  EXPECT_FALSE(key->VerifyEs256("other", signature));
  EXPECT_FALSE(key->VerifyEs256(data, signature + "x"));
  EXPECT_FALSE(key->VerifyEs256(data, signature.substr(1)));
  EXPECT_FALSE(key->VerifyEs256(data, ""));
  EXPECT_FALSE(key->VerifyEs256(data, std::string(64, '\0')));
  EXPECT_FALSE(key->VerifyEs256(data, std::string(64, '\xFF')));
}

class EveryKeyType : public ::testing::TestWithParam<KeyType> {};

TEST_P(EveryKeyType, IsMadeWrittenAndRead) {
  const auto key = PrivateKey::Generate(GetParam());
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->public_key().type(), GetParam());
  const auto again = PrivateKey::ParsePem(key->ToPem());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->public_key(), key->public_key());
  EXPECT_TRUE(again->ToPem().Equals(key->ToPem()));
  const auto parsed = PublicKey::Parse(key->public_key().spki_der());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->jwk(), key->public_key().jwk());
  EXPECT_EQ(parsed->spki_sha256(), Hex(Sha256(parsed->spki_der())));
  EXPECT_EQ(ParseKeyType(KeyTypeName(GetParam())).value(), GetParam());
  const auto signature = key->SignEs256("data");
  EXPECT_EQ(signature.ok(), GetParam() == KeyType::kP256);
  if (signature.ok()) {
    EXPECT_TRUE(parsed->VerifyEs256("data", *signature));
  }
}

INSTANTIATE_TEST_SUITE_P(KeyTypes, EveryKeyType,
                         ::testing::Values(KeyType::kP256, KeyType::kP384, KeyType::kRsa2048,
                                           KeyType::kRsa3072, KeyType::kRsa4096),
                         [](const auto& info) { return std::string(KeyTypeName(info.param)); });

TEST(KeyType, NamesTheKnownOnes) {
  const auto type = ParseKeyType("p521\n");
  EXPECT_EQ(ErrorReason(type.status()), "BAD_KEY");
  EXPECT_TRUE(absl::StrContains(type.status().message(), "\"p521\\x0a\"; known are p256"));
}

// What OpenSSL itself writes: traditional forms, parameters in front, a passphrase.
std::string Written(EVP_PKEY* key, bool traditional, const char* passphrase) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (traditional) {
    PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key, EVP_aes_128_cbc(), nullptr, 0, nullptr,
                                  const_cast<char*>(passphrase));
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

TEST(PrivateKey, ReadsWhatToolsWrite) {
  const PrivateKey ec = PrivateKey::Generate(KeyType::kP256).value();
  const PrivateKey other = PrivateKey::Generate(KeyType::kP256).value();
  const PrivateKey rsa = PrivateKey::Generate(KeyType::kRsa2048).value();
  const std::string ec_pem(ec.ToPem().Expose());
  const std::string ec_traditional = Written(ec.get(), true, nullptr);
  // ECPrivateKey ends in the public key: put another's there.
  std::string mixed = PemDecode(ec_traditional)->at(0).der;
  const std::string point = other.public_key().spki_der().substr(91 - 65);
  mixed.replace(mixed.size() - 65, 65, point);
  const EvpPkeyPtr ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const EvpPkeyPtr rsa1024(EVP_RSA_gen(1024));
  struct Case {
    absl::string_view name;
    std::string pem;
    const PrivateKey* expected;  // null: refused
    absl::string_view error;
  };
  const Case cases[] = {
      {"PKCS#8", ec_pem, &ec, ""},
      {"traditional EC", ec_traditional, &ec, ""},
      {"traditional RSA", Written(rsa.get(), true, nullptr), &rsa, ""},
      {"EC parameters in front",
       PemEncode("EC PARAMETERS", "\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07") + ec_traditional, &ec,
       ""},
      {"certificate in front", PemEncode("CERTIFICATE", "x") + ec_pem, &ec, ""},
      {"two keys", ec_pem + std::string(other.ToPem().Expose()), &ec, ""},
      {"encrypted", Written(ec.get(), false, "secret"), nullptr, "without a passphrase"},
      {"public half of another key", PemEncode("EC PRIVATE KEY", mixed), nullptr, "do not match"},
      {"EC labelled RSA", PemEncode("RSA PRIVATE KEY", PemDecode(ec_traditional)->at(0).der),
       nullptr, "cannot be read"},
      {"trailing bytes", PemEncode("PRIVATE KEY", PemDecode(ec_pem)->at(0).der + "x"), nullptr,
       "cannot be read"},
      {"garbage", PemEncode("PRIVATE KEY", "garbage"), nullptr, "cannot be read"},
      {"Ed25519", PemEncode("PRIVATE KEY", ToDer<i2d_PrivateKey>(ed25519.get())), nullptr,
       "ED25519"},
      {"RSA 1024", PemEncode("PRIVATE KEY", ToDer<i2d_PrivateKey>(rsa1024.get())), nullptr,
       "RSA of 1024 bits"},
      {"nothing", "", nullptr, "no block"},
      {"public key", PemEncode("PUBLIC KEY", ec.public_key().spki_der()), nullptr, "no block"},
  };
  for (const Case& c : cases) {
    const auto key = PrivateKey::ParsePem(Secret(c.pem));
    EXPECT_EQ(key.ok(), c.expected != nullptr) << c.name << ": " << key.status();
    if (key.ok() && c.expected != nullptr) {
      EXPECT_EQ(key->public_key(), c.expected->public_key());
    }
    EXPECT_TRUE(absl::StrContains(key.status().message(), c.error)) << c.name << key.status();
  }
  EXPECT_EQ(ERR_peek_error(), 0u) << "an error was left on OpenSSL's queue";
}

TEST(PrivateKey, RefusesEveryBeginning) {
  const std::string der =
      PemDecode(PrivateKey::Generate(KeyType::kP256)->ToPem().Expose())->at(0).der;
  for (size_t size = 1; size < der.size(); ++size) {
    EXPECT_FALSE(PrivateKey::ParsePem(Secret(PemEncode("PRIVATE KEY", der.substr(0, size)))).ok());
  }
}

}  // namespace
}  // namespace norroy::crypto
