#include "tests/fakes/ca/signed_request.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/crypto/secret.h"
#include "common/status_macros.h"

namespace norroy::fakes {
namespace {

using Json = nlohmann::json;

// DER SubjectPublicKeyInfo of a P-256 key up to the point's coordinates (RFC 5480).
constexpr char kP256Prefix[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";

struct Parts {
  Json header;
  std::string payload;
  std::string signing_input;
  std::string signature;
};

// "" unless the member is a string.
std::string Member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

absl::StatusOr<Parts> Split(absl::string_view body) {
  const Json jws = Json::parse(body.begin(), body.end(), nullptr, false);
  if (!jws.is_object()) return absl::InvalidArgumentError("the body is not a JSON object");
  // RFC 8555 6.2: flattened, with these members and no unprotected header.
  if (jws.size() != 3 || !jws.contains("protected") || !jws.contains("payload") ||
      !jws.contains("signature")) {
    return absl::InvalidArgumentError("the JWS must have protected, payload and signature only");
  }
  Parts parts;
  const std::string header = Member(jws, "protected");
  const std::string payload = Member(jws, "payload");
  NORROY_ASSIGN_OR_RETURN(const std::string header_text, crypto::Base64UrlDecode(header));
  NORROY_ASSIGN_OR_RETURN(parts.payload, crypto::Base64UrlDecode(payload));
  NORROY_ASSIGN_OR_RETURN(parts.signature, crypto::Base64UrlDecode(Member(jws, "signature")));
  parts.header = Json::parse(header_text, nullptr, false);
  if (!parts.header.is_object()) return absl::InvalidArgumentError("the header is not an object");
  parts.signing_input = absl::StrCat(header, ".", payload);
  return parts;
}

absl::StatusOr<std::string> SpkiOf(const Json& jwk) {
  if (!jwk.is_object() || Member(jwk, "kty") != "EC" || Member(jwk, "crv") != "P-256") {
    return absl::InvalidArgumentError("jwk must be a P-256 key");
  }
  if (jwk.contains("d")) return absl::InvalidArgumentError("jwk shows the private key");
  NORROY_ASSIGN_OR_RETURN(const std::string x, crypto::Base64UrlDecode(Member(jwk, "x")));
  NORROY_ASSIGN_OR_RETURN(const std::string y, crypto::Base64UrlDecode(Member(jwk, "y")));
  if (x.size() != 32 || y.size() != 32) return absl::InvalidArgumentError("jwk's point is short");
  return absl::StrCat(absl::HexStringToBytes(kP256Prefix), x, y);
}

}  // namespace

absl::StatusOr<SignedRequest> SignedRequest::Parse(absl::string_view body) {
  NORROY_ASSIGN_OR_RETURN(Parts parts, Split(body));
  SignedRequest request;
  if (Member(parts.header, "alg") != "ES256") return absl::InvalidArgumentError("alg is not ES256");
  request.nonce = Member(parts.header, "nonce");
  request.url = Member(parts.header, "url");
  request.kid = Member(parts.header, "kid");
  // RFC 8555 6.2: exactly one of them.
  if (parts.header.contains("jwk") == parts.header.contains("kid")) {
    return absl::InvalidArgumentError("there must be exactly one of jwk and kid");
  }
  if (parts.header.contains("jwk")) {
    NORROY_ASSIGN_OR_RETURN(request.jwk_spki, SpkiOf(parts.header["jwk"]));
  }
  request.payload = std::move(parts.payload);
  request.signing_input = std::move(parts.signing_input);
  request.signature = std::move(parts.signature);
  return request;
}

absl::StatusOr<crypto::PublicKey> CheckKeyChange(absl::string_view inner, absl::string_view url,
                                                 absl::string_view account_url,
                                                 absl::string_view old_spki) {
  NORROY_ASSIGN_OR_RETURN(const SignedRequest request, SignedRequest::Parse(inner));
  NORROY_ASSIGN_OR_RETURN(const Parts parts, Split(inner));
  if (request.jwk_spki.empty()) return absl::InvalidArgumentError("the inner JWS has no jwk");
  if (parts.header.contains("nonce"))
    return absl::InvalidArgumentError("the inner JWS has a nonce");
  if (request.url != url) return absl::InvalidArgumentError("the inner JWS is for another URL");
  NORROY_ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKey::Parse(request.jwk_spki));
  if (!request.IsSignedBy(key)) return absl::InvalidArgumentError("the new key did not sign");
  const Json payload = Json::parse(request.payload, nullptr, false);
  if (!payload.is_object() || payload.size() != 2 || Member(payload, "account") != account_url) {
    return absl::InvalidArgumentError("the inner payload is not of this account");
  }
  NORROY_ASSIGN_OR_RETURN(const std::string spki, SpkiOf(payload.value("oldKey", Json::object())));
  if (spki != old_spki) return absl::InvalidArgumentError("oldKey is not the account's key");
  return key;
}

absl::StatusOr<std::string> BindingKid(absl::string_view binding) {
  NORROY_ASSIGN_OR_RETURN(const Parts parts, Split(binding));
  return Member(parts.header, "kid");
}

absl::Status CheckBinding(absl::string_view binding, absl::string_view hmac_key,
                          absl::string_view jwk_spki, absl::string_view url) {
  NORROY_ASSIGN_OR_RETURN(const Parts parts, Split(binding));
  if (Member(parts.header, "alg") != "HS256" || parts.header.contains("nonce")) {
    return absl::InvalidArgumentError("the binding must be HS256 without a nonce");
  }
  if (Member(parts.header, "url") != url) {
    return absl::InvalidArgumentError("the binding's url is not newAccount's");
  }
  const Json jwk = Json::parse(parts.payload, nullptr, false);
  NORROY_ASSIGN_OR_RETURN(const std::string spki, SpkiOf(jwk));
  if (spki != jwk_spki) return absl::InvalidArgumentError("the binding is for another key");
  if (crypto::HmacSha256(crypto::Secret(hmac_key), parts.signing_input) != parts.signature) {
    return absl::InvalidArgumentError("the binding's MAC is wrong");
  }
  return absl::OkStatus();
}

}  // namespace norroy::fakes
