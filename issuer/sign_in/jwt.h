#ifndef NORROY_ISSUER_SIGN_IN_JWT_H_
#define NORROY_ISSUER_SIGN_IN_JWT_H_

// JSON Web Tokens (RFC 7519) as signed compact JWS (RFC 7515), from a stranger's hand to claims
// that may be believed:
//
//   ParsedJwt::Parse(text)            form alone; says nothing about truth
//   VerifyJwt(parsed, rules, keys)    signature by a key of ours to name, then every claim
//
// The algorithm follows from the key, never from the token: a token's `alg` must be one of those
// allowed *and* the one that the key signs by, so that neither "none" nor an HMAC with a public key
// for secret can be asked for. `kid` is compared and nothing else; `jku`, `x5u`, `jwk` and `x5c`
// are never read. What is verified is the parsed object that is passed on. Pure functions.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "issuer/sign_in/json.h"
#include "issuer/sign_in/jwks.h"

namespace norroy::sign_in {

inline constexpr size_t kMaxToken = 12 * 1024;
// Between the OIDC issuer's clock and ours.
inline constexpr absl::Duration kJwtLeeway = absl::Seconds(60);
// A token that is good for longer is no CI job's.
inline constexpr absl::Duration kMaxJwtLifetime = absl::Hours(24);

struct ParsedJwt {
  // INVALID_ARGUMENT, reason TOKEN_MALFORMED.
  static absl::StatusOr<ParsedJwt> Parse(absl::string_view token);

  std::string algorithm;  // `alg`, whatever it says
  std::string kid;        // may be empty
  std::string issuer;     // `iss`; may be empty
  JsonValue claims;
  std::string signed_part;  // RFC 7515 5.1: header and claims as they came
  std::string signature;
};

// What one OIDC issuer's tokens must be.
struct JwtRules {
  std::string issuer;
  std::string audience;
  std::vector<std::string> algorithms = {"RS256"};  // of RS256 and ES256
};

struct VerifiedJwt {
  std::string issuer;
  std::string subject;
  std::string id;  // `jti`; may be empty
  std::string kid;
  absl::Time expire_time;
  JsonValue claims;
};

// UNAUTHENTICATED, with a reason: TOKEN_ALGORITHM, TOKEN_KEY (none of the keys), TOKEN_SIGNATURE,
// TOKEN_ISSUER, TOKEN_AUDIENCE, TOKEN_EXPIRED, TOKEN_NOT_YET, TOKEN_LIFETIME, TOKEN_CLAIMS (one
// that must be there is not).
absl::StatusOr<VerifiedJwt> VerifyJwt(const ParsedJwt& token, const JwtRules& rules,
                                      const KeySet& keys, absl::Time now);

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_JWT_H_
