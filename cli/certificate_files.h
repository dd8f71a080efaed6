#ifndef NORROY_CLI_CERTIFICATE_FILES_H_
#define NORROY_CLI_CERTIFICATE_FILES_H_

// A certificate on disk, as servers and certbot's users expect it: cert.pem (the leaf), chain.pem
// (what follows it), fullchain.pem (both) and privkey.pem (mode 0600) in one folder. Each file is
// replaced by rename. A key is written before its order is placed, so that it is never lost:
// privkey-<digest>.pem, with the digest of its public key, which becomes privkey.pem when the
// certificate for that key arrives, by whichever command.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/result.pb.h"
#include "common/crypto/key.h"

namespace norroy::cli {

// "www.example.com" for itself, "_.example.com" for "*.example.com" (no host name has an
// underscore, so the two cannot meet).
std::string FolderName(absl::string_view name);

// Writes the key where it waits for its certificate.
absl::Status SavePendingKey(const std::string& folder, const crypto::PrivateKey& key);
// After an order that will never be fulfilled.
void DropPendingKey(const std::string& folder, const crypto::PublicKey& key);

// Writes the chain (PEM, leaf first) and takes the waiting key over. Without one, a privkey.pem
// of another key is refused (FAILED_PRECONDITION, reason KEY_MISMATCH): the pair would not work.
absl::StatusOr<CertificateFiles> WriteCertificate(const std::string& folder,
                                                  absl::string_view chain_pem);

}  // namespace norroy::cli

#endif  // NORROY_CLI_CERTIFICATE_FILES_H_
