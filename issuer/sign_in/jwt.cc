#include "issuer/sign_in/jwt.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::sign_in {
namespace {

using Kind = JsonValue::Kind;

// RS256 with 4096 bits.
constexpr size_t kMaxSignature = 512;
constexpr size_t kMaxKid = 256;
constexpr size_t kMaxId = 256;
constexpr size_t kMaxSubject = 1024;
constexpr size_t kMaxAudiences = 32;
// 9999-12-31, beyond which dates have no form.
constexpr int64_t kMaxDate = 253'402'300'799;

absl::Status Malformed(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "TOKEN_MALFORMED",
                   absl::StrCat("token: ", what));
}

absl::Status Refuse(absl::string_view reason, absl::string_view what) {
  return MakeError(absl::StatusCode::kUnauthenticated, reason, absl::StrCat("token: ", what));
}

absl::StatusOr<std::string> DecodePart(absl::string_view name, absl::string_view text) {
  absl::StatusOr<std::string> bytes = crypto::Base64UrlDecode(text);
  if (!bytes.ok() || bytes->empty()) return Malformed(absl::StrCat(name, " is not base64url"));
  return bytes;
}

absl::StatusOr<JsonValue> ParsePart(absl::string_view name, absl::string_view text) {
  NORROY_ASSIGN_OR_RETURN(const std::string json, DecodePart(name, text));
  absl::StatusOr<JsonValue> value = ParseJson(json, kMaxToken);
  if (!value.ok()) return Malformed(absl::StrCat(name, ": ", value.status().message()));
  return value;
}

absl::Status ReadHeader(const JsonValue& header, ParsedJwt& jwt) {
  // RFC 7515 4.1.11: what `crit` lists must be understood, and we understand no extension.
  if (header.Find("crit") != nullptr) return Malformed("header: crit");
  const std::string* const algorithm = header.FindText("alg");
  if (algorithm == nullptr) return Malformed("header: alg is missing");
  jwt.algorithm = *algorithm;
  const JsonValue* const kid = header.Find("kid");
  if (kid != nullptr && (kid->kind != Kind::kString || kid->text.size() > kMaxKid)) {
    return Malformed("header: kid is no string, or too long");
  }
  if (kid != nullptr) jwt.kid = kid->text;
  // RFC 7519 5.1. Other types ("at+jwt", "logout+jwt") say something else.
  const JsonValue* const type = header.Find("typ");
  if (type != nullptr &&
      (type->kind != Kind::kString || !absl::EqualsIgnoreCase(type->text, "JWT"))) {
    return Malformed("header: typ is not JWT");
  }
  // RFC 7519 5.2: a token in a token.
  if (header.Find("cty") != nullptr) return Malformed("header: cty");
  return absl::OkStatus();
}

absl::Status CheckSignature(const ParsedJwt& token, const JwtRules& rules, const KeySet& keys) {
  if (std::find(rules.algorithms.begin(), rules.algorithms.end(), token.algorithm) ==
      rules.algorithms.end()) {
    return Refuse("TOKEN_ALGORITHM",
                  absl::StrCat("alg is ", Printable(token.algorithm, 32),
                               ", which this issuer's configuration does not allow"));
  }
  bool known = false;
  bool fits = false;
  for (const KeySet::Key* key : keys.Find(token.kid)) {
    known = true;
    // RFC 8725 3.1: a key is used with one algorithm.
    if (crypto::SignatureAlgorithm(key->key.type()) != token.algorithm) continue;
    fits = true;
    if (key->key.Verify(token.signed_part, token.signature)) return absl::OkStatus();
  }
  if (!known) {
    return Refuse("TOKEN_KEY", absl::StrCat("kid \"", Printable(token.kid, 64),
                                            "\" is none of the issuer's keys"));
  }
  if (!fits) {
    return Refuse("TOKEN_ALGORITHM", absl::StrCat("alg is ", Printable(token.algorithm, 32),
                                                  ", which the key does not sign by"));
  }
  return Refuse("TOKEN_SIGNATURE", "the signature is not of the issuer's key");
}

// RFC 7519 2: NumericDate. Nothing for what is missing or no date.
std::optional<absl::Time> DateOf(const JsonValue& claims, absl::string_view name) {
  const JsonValue* const value = claims.Find(name);
  if (value == nullptr) return std::nullopt;
  if (value->kind == Kind::kInteger) {
    if (value->integer < 0 || value->integer > kMaxDate) return std::nullopt;
    return absl::FromUnixSeconds(value->integer);
  }
  if (value->kind != Kind::kReal || !std::isfinite(value->real) || value->real < 0 ||
      value->real > static_cast<double>(kMaxDate)) {
    return std::nullopt;
  }
  return absl::FromUnixSeconds(static_cast<int64_t>(value->real));
}

absl::Status CheckAudience(const JsonValue& claims, const std::string& audience) {
  const absl::Status wrong = Refuse("TOKEN_AUDIENCE", "aud is not ours");
  const JsonValue* const value = claims.Find("aud");
  if (value == nullptr) return Refuse("TOKEN_AUDIENCE", "aud is missing");
  // RFC 7519 4.1.3: one string, or an array of them.
  if (value->kind == Kind::kString) return value->text == audience ? absl::OkStatus() : wrong;
  if (value->kind != Kind::kArray || value->items.size() > kMaxAudiences) return wrong;
  bool found = false;
  for (const JsonValue& item : value->items) {
    if (item.kind != Kind::kString) return wrong;
    if (item.text == audience) found = true;
  }
  return found ? absl::OkStatus() : wrong;
}

// Returns when the token ends.
absl::StatusOr<absl::Time> CheckDates(const JsonValue& claims, absl::Time now) {
  const std::optional<absl::Time> expires = DateOf(claims, "exp");
  const std::optional<absl::Time> issued = DateOf(claims, "iat");
  if (!expires.has_value()) return Refuse("TOKEN_CLAIMS", "exp is missing or no date");
  if (!issued.has_value()) return Refuse("TOKEN_CLAIMS", "iat is missing or no date");
  if (*expires <= now - kJwtLeeway) return Refuse("TOKEN_EXPIRED", "exp is over");
  if (*issued > now + kJwtLeeway) return Refuse("TOKEN_NOT_YET", "iat is in the future");
  if (*expires <= *issued || *expires - *issued > kMaxJwtLifetime) {
    return Refuse("TOKEN_LIFETIME", "exp is not within 24 hours after iat");
  }
  if (claims.Find("nbf") == nullptr) return *expires;
  const std::optional<absl::Time> begins = DateOf(claims, "nbf");
  if (!begins.has_value()) return Refuse("TOKEN_CLAIMS", "nbf is no date");
  if (*begins > now + kJwtLeeway) return Refuse("TOKEN_NOT_YET", "nbf is in the future");
  return *expires;
}

}  // namespace

absl::StatusOr<ParsedJwt> ParsedJwt::Parse(absl::string_view token) {
  if (token.size() > kMaxToken) return Malformed(absl::StrCat("longer than ", kMaxToken, " bytes"));
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  if (parts.size() != 3) return Malformed("not three parts with dots between");
  ParsedJwt jwt;
  NORROY_ASSIGN_OR_RETURN(const JsonValue header, ParsePart("header", parts[0]));
  NORROY_RETURN_IF_ERROR(ReadHeader(header, jwt));
  NORROY_ASSIGN_OR_RETURN(jwt.claims, ParsePart("claims", parts[1]));
  NORROY_ASSIGN_OR_RETURN(jwt.signature, DecodePart("signature", parts[2]));
  if (jwt.signature.size() > kMaxSignature) return Malformed("the signature is too long");
  const std::string* const issuer = jwt.claims.FindText("iss");
  if (issuer != nullptr) jwt.issuer = *issuer;
  jwt.signed_part = absl::StrCat(parts[0], ".", parts[1]);
  return jwt;
}

absl::StatusOr<VerifiedJwt> VerifyJwt(const ParsedJwt& token, const JwtRules& rules,
                                      const KeySet& keys, absl::Time now) {
  if (token.issuer != rules.issuer) return Refuse("TOKEN_ISSUER", "iss is another issuer");
  NORROY_RETURN_IF_ERROR(CheckSignature(token, rules, keys));
  NORROY_RETURN_IF_ERROR(CheckAudience(token.claims, rules.audience));
  VerifiedJwt jwt{.issuer = token.issuer, .kid = token.kid};
  NORROY_ASSIGN_OR_RETURN(jwt.expire_time, CheckDates(token.claims, now));
  const std::string* const subject = token.claims.FindText("sub");
  if (subject == nullptr || subject->size() > kMaxSubject) {
    return Refuse("TOKEN_CLAIMS", "sub is missing, no string, or too long");
  }
  jwt.subject = *subject;
  const JsonValue* const id = token.claims.Find("jti");
  if (id != nullptr && (id->kind != Kind::kString || id->text.size() > kMaxId)) {
    return Refuse("TOKEN_CLAIMS", "jti is no string, or too long");
  }
  if (id != nullptr) jwt.id = id->text;
  jwt.claims = token.claims;
  return jwt;
}

}  // namespace norroy::sign_in
