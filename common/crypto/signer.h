#ifndef NORROY_COMMON_CRYPTO_SIGNER_H_
#define NORROY_COMMON_CRYPTO_SIGNER_H_

// What signs with a long-lived key (an ACME account's, the seal's) without showing it: a key in a
// file, here, or in a token (pkcs11_engine.h).

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/key.h"
#include "common/crypto/passphrase.h"

namespace norroy::crypto {

// Thread-safe.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual const PublicKey& public_key() const = 0;
  // By the algorithm of the key's type (SignatureAlgorithm): for P-256 ES256, r and s, 32 bytes
  // each (RFC 7518 3.4). A token that does not answer is UNAVAILABLE, reason TOKEN_FAILED; the next
  // call asks it again.
  virtual absl::StatusOr<std::string> Sign(absl::string_view data) = 0;
};

// A key in memory.
std::unique_ptr<Signer> NewKeySigner(PrivateKey key);

// The key in a PEM file. The file must be a regular file of the caller's own user that nobody else
// can read (mode & 077 == 0); the error says what mode it has. With a passphrase the key must be an
// encrypted PKCS#8 one, without it must not be.
absl::StatusOr<std::unique_ptr<Signer>> OpenFileSigner(const std::string& path,
                                                       const PassphraseSource& passphrase = {});

// Makes a P-256 key in a new file of mode 0600, synced to disk before it returns; an existing file
// is ALREADY_EXISTS.
absl::StatusOr<std::unique_ptr<Signer>> CreateFileSigner(const std::string& path);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_SIGNER_H_
