#include "issuer/sign_in/test_jwt.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/encoding.h"

namespace norroy::sign_in {

std::string ToJson(const Members& members) {
  std::string json = "{";
  for (const auto& [name, value] : members) {
    absl::StrAppend(&json, json.size() > 1 ? "," : "", Quoted(name), ":", value);
  }
  return json + "}";
}

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", text, "\""); }

Members With(Members members, const std::string& name, const std::string& value) {
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].first != name) continue;
    members[i].second = value;
    if (value.empty()) members.erase(members.begin() + static_cast<std::ptrdiff_t>(i));
    return members;
  }
  if (!value.empty()) members.emplace_back(name, value);
  return members;
}

Members GoodClaims(absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  return {{"iss", Quoted(kTestIssuer)},
          {"aud", Quoted(kTestAudience)},
          {"sub", Quoted("repo:acme/web:ref:refs/heads/main")},
          {"jti", Quoted("job-1")},
          {"iat", absl::StrCat(seconds)},
          {"nbf", absl::StrCat(seconds - 5)},
          {"exp", absl::StrCat(seconds + 300)},
          {"repository", Quoted("acme/web")},
          {"ref", Quoted("refs/heads/main")}};
}

Members HeaderOf(const std::string& algorithm, const std::string& kid) {
  return {{"typ", Quoted("JWT")}, {"alg", Quoted(algorithm)}, {"kid", Quoted(kid)}};
}

std::string SignJwt(const crypto::PrivateKey& key, const std::string& header,
                    const std::string& claims) {
  const std::string part = absl::StrCat(crypto::Base64Url(header), ".", crypto::Base64Url(claims));
  return absl::StrCat(part, ".", crypto::Base64Url(*key.Sign(part)));
}

std::string JwkOf(const crypto::PublicKey& key, const std::string& kid, const Members& more) {
  std::string jwk = key.jwk().substr(0, key.jwk().size() - 1);
  if (!kid.empty()) absl::StrAppend(&jwk, ",\"kid\":", Quoted(kid));
  for (const auto& [name, value] : more) absl::StrAppend(&jwk, ",", Quoted(name), ":", value);
  return jwk + "}";
}

std::string JwksOf(const std::vector<std::string>& jwks) {
  return absl::StrCat("{\"keys\":[", absl::StrJoin(jwks, ","), "]}");
}

}  // namespace norroy::sign_in
