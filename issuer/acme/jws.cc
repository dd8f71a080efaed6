#include "issuer/acme/jws.h"

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "issuer/acme/json.h"

namespace norroy::acme {
namespace {

std::string Flattened(absl::string_view header, absl::string_view payload,
                      absl::string_view signature) {
  return absl::StrCat(R"({"protected":")", header, R"(","payload":")", payload,
                      R"(","signature":")", crypto::Base64Url(signature), R"("})");
}

absl::Status NotSent(const absl::Status& error) {
  ErrorMetadata metadata = ErrorMetadataOf(error);
  metadata["sent"] = "no";
  return MakeError(error.code(), ErrorReason(error), error.message(), metadata);
}

absl::StatusOr<std::string> Sign(crypto::Signer& signer, const std::string& header,
                                 absl::string_view payload) {
  const std::string body = crypto::Base64Url(payload);
  const absl::StatusOr<std::string> signature = signer.Sign(absl::StrCat(header, ".", body));
  if (!signature.ok()) return NotSent(signature.status());
  return Flattened(header, body, *signature);
}

}  // namespace

absl::StatusOr<std::string> SignJws(crypto::Signer& signer, const JwsTarget& target, Nonce nonce,
                                    absl::string_view payload) {
  // RFC 8555 6.2: exactly one of "jwk" and "kid".
  const std::string key = target.kid.empty() ? absl::StrCat(R"("jwk":)", signer.public_key().jwk())
                                             : absl::StrCat(R"("kid":)", JsonQuote(target.kid));
  // RFC 8555 6.4, 6.5: "url" and "nonce" are under the signature.
  const std::string header = crypto::Base64Url(absl::StrCat(
      R"({"alg":")", crypto::SignatureAlgorithm(signer.public_key().type()), R"(",)", key,
      R"(,"nonce":)", JsonQuote(nonce.value()), R"(,"url":)", JsonQuote(target.url), "}"));
  return Sign(signer, header, payload);
}

absl::StatusOr<std::string> SignKeyChange(crypto::Signer& next, const crypto::PublicKey& old_key,
                                          absl::string_view account_url,
                                          absl::string_view key_change_url) {
  // RFC 8555 7.3.5: "jwk", the outer JWS's "url", no "nonce".
  const std::string header = crypto::Base64Url(absl::StrCat(
      R"({"alg":")", crypto::SignatureAlgorithm(next.public_key().type()), R"(","jwk":)",
      next.public_key().jwk(), R"(,"url":)", JsonQuote(key_change_url), "}"));
  return Sign(
      next, header,
      absl::StrCat(R"({"account":)", JsonQuote(account_url), R"(,"oldKey":)", old_key.jwk(), "}"));
}

std::string BindExternalAccount(const ExternalAccount& account, const crypto::PublicKey& key,
                                absl::string_view new_account_url) {
  // RFC 8555 7.3.4: a MAC algorithm, the CA's key id, the URL of the outer JWS, no nonce.
  const std::string header =
      crypto::Base64Url(absl::StrCat(R"({"alg":"HS256","kid":)", JsonQuote(account.kid),
                                     R"(,"url":)", JsonQuote(new_account_url), "}"));
  const std::string body = crypto::Base64Url(key.jwk());
  return Flattened(header, body,
                   crypto::HmacSha256(account.hmac_key, absl::StrCat(header, ".", body)));
}

}  // namespace norroy::acme
