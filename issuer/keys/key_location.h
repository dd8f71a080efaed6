#ifndef NORROY_ISSUER_KEYS_KEY_LOCATION_H_
#define NORROY_ISSUER_KEYS_KEY_LOCATION_H_

// Where one of the issuer's keys lies and what opens it: a KeyConfig, checked.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/crypto/key_uri.h"
#include "common/crypto/passphrase.h"
#include "common/crypto/signer.h"
#include "norroy/config/v1/issuer.pb.h"

namespace norroy::keys {

struct KeyLocation {
  crypto::KeyUri uri;
  // Absolute where the configuration's path is.
  std::string path;
  // Of a token: the PIN's, never empty.
  crypto::PassphraseSource passphrase;
  // Of a token.
  std::string pkcs11_module;

  // For errors.
  const std::string& text() const { return uri.in_token() ? uri.text() : path; }
};

// INVALID_ARGUMENT, reason BAD_CONFIG or what the field's own parser gives. Touches no file.
absl::StatusOr<KeyLocation> ReadKeyConfig(const config::v1::KeyConfig& config,
                                          const std::string& pkcs11_module,
                                          const std::string& config_path);

// The errors of crypto::OpenFileSigner, OpenTokenSigner and ReadPassphrase.
absl::StatusOr<std::unique_ptr<crypto::Signer>> OpenKey(const KeyLocation& location);

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_KEY_LOCATION_H_
