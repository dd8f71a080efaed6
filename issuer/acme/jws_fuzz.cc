// Signed requests: whatever URL, account, nonce and payload, a verifier that shares no code with
// the signer reads exactly these and finds the signature good, and every change of a byte breaks
// it. The input is four texts, divided by zeros: url, kid, nonce, payload.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/crypto/key.h"
#include "common/crypto/signer.h"
#include "common/error/error.h"
#include "issuer/acme/jws.h"
#include "issuer/acme/nonce_pool.h"
#include "tests/fakes/ca/signed_request.h"

namespace {

using norroy::acme::Nonce;
using norroy::acme::NoncePool;
using norroy::fakes::SignedRequest;

struct Signing {
  Signing() : key(*norroy::crypto::PrivateKey::Generate(norroy::crypto::KeyType::kP256)) {
    signer = norroy::crypto::NewKeySigner(key);
  }
  norroy::crypto::PrivateKey key;
  std::unique_ptr<norroy::crypto::Signer> signer;
};

const Signing& OurSigning() {
  static const Signing* const signing = new Signing;
  return *signing;
}

// What the signer takes is UTF-8 by its callers: URLs of the CA that were checked, our own JSON.
bool IsText(absl::string_view text) { return norroy::Printable(text, 1 << 20) == text; }

void CheckBroken(const std::string& body, size_t at, const norroy::crypto::PublicKey& key) {
  std::string changed = body;
  changed[at % changed.size()] ^= 1;
  const auto read = SignedRequest::Parse(changed);
  // The last character of base64url may have bits that say nothing; no reader of ours takes them.
  NORROY_CHECK(!read.ok() || !read->IsSignedBy(key));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> parts = absl::StrSplit(input, absl::MaxSplits('\0', 3));
  if (parts.size() < 4 || !IsText(parts[0]) || !IsText(parts[1])) return -1;
  NoncePool pool;
  std::optional<Nonce> nonce = pool.Claim(parts[2]);
  if (!nonce.has_value()) return 0;
  const Signing& ours = OurSigning();
  const auto body = norroy::acme::SignJws(*ours.signer, {.url = parts[0], .kid = parts[1]},
                                          *std::move(nonce), parts[3]);
  NORROY_CHECK(body.ok());
  const auto read = SignedRequest::Parse(*body);
  NORROY_CHECK(read.ok());
  NORROY_CHECK(read->IsSignedBy(ours.key.public_key()));
  NORROY_CHECK(read->url == parts[0] && read->nonce == parts[2] && read->payload == parts[3]);
  NORROY_CHECK(read->kid == parts[1]);
  NORROY_CHECK(parts[1].empty() == !read->jwk_spki.empty());
  NORROY_CHECK(parts[1].empty() ? read->jwk_spki == ours.key.public_key().spki_der() : true);
  CheckBroken(*body, size * 31 + parts[0].size(), ours.key.public_key());
#ifdef PLANTED
  // A URL with a quotation mark that was signed without being escaped.
  NORROY_CHECK(parts[0].find('"') == std::string::npos || parts[3].empty());
#endif
  return 0;
}
