#ifndef NORROY_ISSUER_KEYS_SEAL_PAIR_H_
#define NORROY_ISSUER_KEYS_SEAL_PAIR_H_

// The seal key and its certificate: both in one PEM file (seal_file), or the key elsewhere
// (seal_key) and the certificate alone in the file.

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/certificate.h"
#include "common/crypto/signer.h"
#include "issuer/keys/key_location.h"

namespace norroy::keys {

struct SealPair {
  std::unique_ptr<crypto::Signer> signer;  // P-256
  crypto::Certificate certificate;
};

struct SealFiles {
  std::string seal_file;
  std::optional<KeyLocation> seal_key;
  std::string core_root_file;
  std::string deployment;
};

// The certificate is of role seal in the deployment, under the core root, valid at `now`, and the
// key's own; errors name the file or the key's URI.
absl::StatusOr<SealPair> OpenSealPair(const SealFiles& files, absl::Time now);

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_SEAL_PAIR_H_
