#ifndef NORROY_COMMON_CRYPTO_PASSPHRASE_H_
#define NORROY_COMMON_CRYPTO_PASSPHRASE_H_

// What opens a key that is not open by itself: the passphrase of an encrypted PEM file, the PIN of
// a token. It stands in a file of its own, or systemd brings it (LoadCredential=,
// LoadCredentialEncrypted=).

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/secret.h"

namespace norroy::crypto {

inline constexpr size_t kMaxPassphrase = 1024;

// At most one of the two.
struct PassphraseSource {
  std::string file;
  // The name of a systemd credential: a file of $CREDENTIALS_DIRECTORY.
  std::string credential;

  bool empty() const { return file.empty() && credential.empty(); }
};

// Letters, digits, "-", "_" and ".", not "." or ".." and at most 255: nothing else is a
// credential's name. INVALID_ARGUMENT, reason BAD_CREDENTIAL.
absl::Status CheckCredentialName(absl::string_view name);

// The one line that stands there; a line break at its end does not count. Errors (reasons
// BAD_PASSPHRASE, NO_CREDENTIAL and those of secret_file.h) name the file, never what is in it.
absl::StatusOr<Secret> ReadPassphrase(const PassphraseSource& source);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_PASSPHRASE_H_
