// What a token that was taken must have been, whatever came in. The input is three lines: header,
// claims, signature, put into a token here; a signature line that begins with "!" is made by the
// issuer's key, so that the fuzzer gets past it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "issuer/sign_in/claims.h"
#include "issuer/sign_in/jwks.h"
#include "issuer/sign_in/jwt.h"

namespace {

using norroy::crypto::Base64Url;
using norroy::crypto::KeyType;
using norroy::crypto::PrivateKey;
using norroy::sign_in::ClaimRules;
using norroy::sign_in::JsonValue;
using norroy::sign_in::JwtRules;
using norroy::sign_in::KeySet;
using norroy::sign_in::ParsedJwt;
using norroy::sign_in::VerifiedJwt;
using norroy::sign_in::VerifyJwt;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

struct World {
  PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  KeySet keys{{{"ec", key.public_key()}}};
  JwtRules rules{"https://ci.example.test", "norroy", {"RS256", "ES256"}};
  ClaimRules claims =
      ClaimRules::Make("https://ci.example.test", {{{{"repository", "acme/web"}}, "requester/web"}})
          .value();
};

const World& TheWorld() {
  static const auto* const world = new World;
  return *world;
}

bool Has(const JsonValue& value, absl::string_view text) {
  if (value.kind == JsonValue::Kind::kString) return value.text == text;
  for (const JsonValue& item : value.items) {
    if (item.kind == JsonValue::Kind::kString && item.text == text) return true;
  }
  return false;
}

void CheckVerified(const ParsedJwt& parsed, const VerifiedJwt& jwt) {
  NORROY_CHECK(parsed.algorithm == "ES256" && (parsed.kid == "ec" || parsed.kid.empty()));
  NORROY_CHECK(jwt.issuer == "https://ci.example.test" && !jwt.subject.empty());
  NORROY_CHECK(jwt.expire_time > kNow - absl::Seconds(60));
  NORROY_CHECK(jwt.expire_time <= kNow + absl::Hours(24) + absl::Seconds(60));
  NORROY_CHECK(Has(*jwt.claims.Find("aud"), "norroy"));
  const auto who = TheWorld().claims.RequesterOf(jwt.claims);
  const std::string* const repository = jwt.claims.FindText("repository");
  NORROY_CHECK(who.has_value() == (repository != nullptr && *repository == "acme/web"));
#ifdef PLANTED
  NORROY_CHECK(jwt.claims.Find("nbf") != nullptr ||
               jwt.claims.Find("aud")->kind != JsonValue::Kind::kArray);
#endif
}

void Judge(const std::string& token, bool is_signed) {
  const auto parsed = ParsedJwt::Parse(token);
  if (!parsed.ok()) return;
  // One token has one text.
  NORROY_CHECK(absl::StrCat(parsed->signed_part, ".", Base64Url(parsed->signature)) == token);
  const auto jwt = VerifyJwt(*parsed, TheWorld().rules, TheWorld().keys, kNow);
  NORROY_CHECK(!jwt.ok() || is_signed);
  if (jwt.ok()) CheckVerified(*parsed, *jwt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  Judge(std::string(bytes), false);
  const std::vector<absl::string_view> lines = absl::StrSplit(bytes, absl::MaxSplits('\n', 2));
  if (lines.size() != 3) return 0;
  const std::string part = absl::StrCat(Base64Url(lines[0]), ".", Base64Url(lines[1]));
  const bool is_signed = absl::StartsWith(lines[2], "!");
  const std::string signature =
      is_signed ? TheWorld().key.Sign(part).value() : std::string(lines[2]);
  Judge(absl::StrCat(part, ".", Base64Url(signature)), is_signed);
  return 0;
}
