#include "issuer/acme/jws.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "issuer/acme/json.h"

namespace norroy::acme {
namespace {

Nonce OneNonce() {
  NoncePool pool;
  return *pool.Claim("nonce-1_x");
}

struct Jws {
  std::string header, payload, signing_input, signature;
};

Jws Open(const std::string& text) {
  const auto object = JsonObject::Parse("jws", text);
  EXPECT_TRUE(object.ok()) << object.status();
  Jws jws;
  const std::string header = *object->RequiredString("protected");
  const std::string payload = *object->OptionalString("payload");
  jws.header = *crypto::Base64UrlDecode(header);
  jws.payload = *crypto::Base64UrlDecode(payload);
  jws.signing_input = absl::StrCat(header, ".", payload);
  jws.signature = *crypto::Base64UrlDecode(*object->RequiredString("signature"));
  return jws;
}

TEST(SignJws, BindsUrlNonceAndAccount) {
  const auto signer = crypto::NewKeySigner(*crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const auto text = SignJws(*signer, {"https://ca.example/order", "https://ca.example/acct/1"},
                            OneNonce(), R"({"a":1})");
  ASSERT_TRUE(text.ok()) << text.status();
  const Jws jws = Open(*text);
  EXPECT_EQ(jws.header, R"({"alg":"ES256","kid":"https://ca.example/acct/1","nonce":"nonce-1_x",)"
                        R"("url":"https://ca.example/order"})");
  EXPECT_EQ(jws.payload, R"({"a":1})");
  EXPECT_TRUE(signer->public_key().VerifyEs256(jws.signing_input, jws.signature));
  EXPECT_FALSE(signer->public_key().VerifyEs256(jws.signing_input + "x", jws.signature));
}

TEST(SignJws, TheAlgorithmIsTheKeys) {
  const struct {
    crypto::KeyType type;
    std::string alg, jwk_start, jwk_middle;
  } cases[] = {
      {crypto::KeyType::kP256, "ES256", R"({"crv":"P-256","kty":"EC","x":")", R"(","y":")"},
      {crypto::KeyType::kP384, "ES384", R"({"crv":"P-384","kty":"EC","x":")", R"(","y":")"},
      {crypto::KeyType::kRsa2048, "RS256", R"({"e":"AQAB","kty":"RSA","n":")", ""},
  };
  for (const auto& row : cases) {
    const auto signer = crypto::NewKeySigner(*crypto::PrivateKey::Generate(row.type));
    const auto text = SignJws(*signer, {"https://ca.example/a", ""}, OneNonce(), "{}");
    ASSERT_TRUE(text.ok()) << text.status();
    const Jws jws = Open(*text);
    // RFC 7638 3.2, RFC 7518 6: the members' names and their order.
    EXPECT_EQ(jws.header.find(absl::StrCat(R"({"alg":")", row.alg, R"(","jwk":)", row.jwk_start)),
              0u)
        << jws.header;
    EXPECT_NE(jws.header.find(row.jwk_middle), std::string::npos) << jws.header;
    EXPECT_TRUE(signer->public_key().Verify(jws.signing_input, jws.signature));
  }
}

class BrokenSigner final : public crypto::Signer {
 public:
  const crypto::PublicKey& public_key() const override { return key_; }
  absl::StatusOr<std::string> Sign(absl::string_view) override {
    return MakeError(absl::StatusCode::kUnavailable, "TOKEN_FAILED", "gone", {{"token", "t"}});
  }

 private:
  const crypto::PublicKey key_ = crypto::PrivateKey::Generate(crypto::KeyType::kP256)->public_key();
};

TEST(SignJws, WithoutASignatureNothingIsSent) {
  BrokenSigner signer;
  const absl::Status status =
      SignJws(signer, {"https://ca.example/a", ""}, OneNonce(), "{}").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(ErrorReason(status), "TOKEN_FAILED");
  const ErrorMetadata expected = {{"sent", "no"}, {"token", "t"}};
  EXPECT_EQ(ErrorMetadataOf(status), expected);
}

TEST(SignJws, ShowsTheKeyWhereThereIsNoAccount) {
  const auto signer = crypto::NewKeySigner(*crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const auto text = SignJws(*signer, {"https://ca.example/account", ""}, OneNonce(), "");
  ASSERT_TRUE(text.ok()) << text.status();
  const Jws jws = Open(*text);
  EXPECT_EQ(jws.header,
            absl::StrCat(R"({"alg":"ES256","jwk":)", signer->public_key().jwk(),
                         R"(,"nonce":"nonce-1_x","url":"https://ca.example/account"})"));
  EXPECT_EQ(jws.payload, "");
  EXPECT_TRUE(signer->public_key().VerifyEs256(jws.signing_input, jws.signature));
}

TEST(BindExternalAccount, IsAMacOverTheKey) {
  const crypto::PublicKey key = crypto::PrivateKey::Generate(crypto::KeyType::kP256)->public_key();
  const ExternalAccount account{"kid \"1\"", crypto::Secret("0123456789abcdef")};
  const Jws jws = Open(BindExternalAccount(account, key, "https://ca.example/account"));
  EXPECT_EQ(jws.header, R"({"alg":"HS256","kid":"kid \"1\"","url":"https://ca.example/account"})");
  EXPECT_EQ(jws.payload, key.jwk());
  EXPECT_EQ(jws.signature, crypto::HmacSha256(account.hmac_key, jws.signing_input));
}

}  // namespace
}  // namespace norroy::acme
