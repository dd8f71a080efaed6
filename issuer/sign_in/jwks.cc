#include "issuer/sign_in/jwks.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/jwk.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/sign_in/json.h"

namespace norroy::sign_in {
namespace {

using Kind = JsonValue::Kind;

constexpr size_t kMaxKid = 256;

absl::Status BadSet(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_JWKS",
                   absl::StrCat("key set: ", message));
}

std::string TextOf(const JsonValue& jwk, absl::string_view name) {
  const std::string* const text = jwk.FindText(name);
  return text == nullptr ? "" : *text;
}

bool ForVerifying(const JsonValue& jwk) {
  // RFC 7517 4.2, 4.3: where a key says what it is for, it says this.
  if (jwk.Find("use") != nullptr && TextOf(jwk, "use") != "sig") return false;
  const JsonValue* const operations = jwk.Find("key_ops");
  if (operations == nullptr) return true;
  for (const JsonValue& operation : operations->items) {
    if (operation.kind == Kind::kString && operation.text == "verify") return true;
  }
  return false;
}

absl::StatusOr<crypto::PublicKey> KeyOf(const JsonValue& jwk) {
  if (!ForVerifying(jwk)) return BadSet("a key for another use");
  // RFC 7518 6.2.2, 6.3.2: a private key that is published is anybody's.
  if (jwk.Find("d") != nullptr) return BadSet("a private key");
  const std::string type = TextOf(jwk, "kty");
  if (type == "RSA") return crypto::RsaKeyOfJwk(TextOf(jwk, "n"), TextOf(jwk, "e"));
  if (type == "EC" && TextOf(jwk, "crv") == "P-256") {
    return crypto::P256KeyOfJwk(TextOf(jwk, "x"), TextOf(jwk, "y"));
  }
  return BadSet("a key of another kind");
}

absl::StatusOr<KeySet::Key> ReadKey(const JsonValue& jwk) {
  if (jwk.kind != Kind::kObject) return BadSet("a key is no object");
  const JsonValue* const kid = jwk.Find("kid");
  if (kid != nullptr && (kid->kind != Kind::kString || kid->text.size() > kMaxKid)) {
    return BadSet("a kid is no string, or too long");
  }
  NORROY_ASSIGN_OR_RETURN(crypto::PublicKey key, KeyOf(jwk));
  // RFC 7517 4.4.
  if (jwk.Find("alg") != nullptr && TextOf(jwk, "alg") != crypto::SignatureAlgorithm(key.type())) {
    return BadSet("a key for another algorithm");
  }
  return KeySet::Key{kid == nullptr ? "" : kid->text, std::move(key)};
}

}  // namespace

absl::StatusOr<KeySet> KeySet::Parse(absl::string_view json) {
  const absl::StatusOr<JsonValue> root = ParseJson(json, kMaxKeySet);
  if (!root.ok()) return BadSet(root.status().message());
  const JsonValue* const keys = root->Find("keys");
  if (keys == nullptr || keys->kind != Kind::kArray) return BadSet("\"keys\" is missing");
  if (keys->items.size() > kMaxKeys) return BadSet(absl::StrCat("more than ", kMaxKeys, " keys"));
  std::vector<Key> kept;
  std::string why_not = "it is empty";
  for (const JsonValue& jwk : keys->items) {
    absl::StatusOr<Key> key = ReadKey(jwk);
    // RFC 7517 5: keys that are not understood are ignored.
    if (key.ok()) {
      kept.push_back(*std::move(key));
    } else {
      why_not = std::string(key.status().message());
    }
  }
  if (kept.empty()) return BadSet(absl::StrCat("no key for RS256 or ES256 in it: ", why_not));
  return KeySet(std::move(kept));
}

std::vector<const KeySet::Key*> KeySet::Find(absl::string_view kid) const {
  std::vector<const Key*> found;
  for (const Key& key : keys_) {
    if (kid.empty() ? keys_.size() == 1 : key.kid == kid) found.push_back(&key);
  }
  return found;
}

}  // namespace norroy::sign_in
