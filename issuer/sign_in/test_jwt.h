#ifndef NORROY_ISSUER_SIGN_IN_TEST_JWT_H_
#define NORROY_ISSUER_SIGN_IN_TEST_JWT_H_

// Tokens and key sets as OIDC issuers make them, and as they would not. For tests.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/key.h"

namespace norroy::sign_in {

inline constexpr char kTestIssuer[] = "https://ci.example.test";
inline constexpr char kTestAudience[] = "norroy";

// JSON members in order, values as JSON text.
using Members = std::vector<std::pair<std::string, std::string>>;
std::string ToJson(const Members& members);
// "text" with its quotes.
std::string Quoted(absl::string_view text);
// The same with a member replaced, or added at the end; an empty value takes it away.
Members With(Members members, const std::string& name, const std::string& value);

// The claims of a good token at `now`: of acme/web, at refs/heads/main.
Members GoodClaims(absl::Time now);
Members HeaderOf(const std::string& algorithm, const std::string& kid);

// Three parts; the signature is the key's.
std::string SignJwt(const crypto::PrivateKey& key, const std::string& header,
                    const std::string& claims);

// A JWK of a public key, with `kid` and further members.
std::string JwkOf(const crypto::PublicKey& key, const std::string& kid, const Members& more = {});
std::string JwksOf(const std::vector<std::string>& jwks);

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_TEST_JWT_H_
