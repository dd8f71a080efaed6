#ifndef NORROY_COMMON_CRYPTO_SIGNER_H_
#define NORROY_COMMON_CRYPTO_SIGNER_H_

// What signs with a long-lived key (an ACME account's, the seal's) without showing it: a file now,
// a token later.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/key.h"

namespace norroy::crypto {

// Thread-safe.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual const PublicKey& public_key() const = 0;
  // ES256 over `data`: r and s, 32 bytes each (RFC 7518 3.4).
  virtual absl::StatusOr<std::string> Sign(absl::string_view data) = 0;
};

// A P-256 key in memory.
std::unique_ptr<Signer> NewKeySigner(PrivateKey key);

// The P-256 key in a PEM file. The file must be a regular file of the caller's own user that
// nobody else can read (mode & 077 == 0); the error says what mode it has.
absl::StatusOr<std::unique_ptr<Signer>> OpenFileSigner(const std::string& path);

// Makes a P-256 key in a new file of mode 0600, synced to disk before it returns; an existing file
// is ALREADY_EXISTS.
absl::StatusOr<std::unique_ptr<Signer>> CreateFileSigner(const std::string& path);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_SIGNER_H_
