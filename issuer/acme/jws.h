#ifndef NORROY_ISSUER_ACME_JWS_H_
#define NORROY_ISSUER_ACME_JWS_H_

// JSON Web Signatures as ACME wants them (RFC 8555 6.2, RFC 7515 7.2.2): flattened JSON, bound to
// one URL and one nonce. The algorithm (ES256, ES384, RS256) follows from the key, never from the
// CA.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/key.h"
#include "common/crypto/signer.h"
#include "issuer/acme/account.h"
#include "issuer/acme/nonce_pool.h"

namespace norroy::acme {

struct JwsTarget {
  std::string url;
  // The account's URL; empty: the key itself goes along ("jwk"), for newAccount.
  std::string kid;
};

// Takes the nonce: whoever signs again needs another. An empty payload is a POST-as-GET.
// A signer's error carries the metadata sent=no: nothing has reached the CA.
absl::StatusOr<std::string> SignJws(crypto::Signer& signer, const JwsTarget& target, Nonce nonce,
                                    absl::string_view payload);

// RFC 8555 7.3.5: what a key change carries: a JWS by the new key, without a nonce, that names the
// account and its old key. A signer's error is as SignJws's.
absl::StatusOr<std::string> SignKeyChange(crypto::Signer& next, const crypto::PublicKey& old_key,
                                          absl::string_view account_url,
                                          absl::string_view key_change_url);

// RFC 8555 7.3.4: the value of externalAccountBinding.
std::string BindExternalAccount(const ExternalAccount& account, const crypto::PublicKey& key,
                                absl::string_view new_account_url);

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_JWS_H_
