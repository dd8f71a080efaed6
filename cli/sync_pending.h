#ifndef NORROY_CLI_SYNC_PENDING_H_
#define NORROY_CLI_SYNC_PENDING_H_

// A renewal under way: the new key and the CSR made for it, kept on this host (mode 0600) from
// before the order is placed until its certificate is installed. A run that was ended at any moment
// is taken up with the same key and CSR, and so with the same order: its request id is derived from
// what is here.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/sync_settings.h"
#include "common/crypto/certificate.h"
#include "common/crypto/csr.h"
#include "common/crypto/key.h"

namespace norroy::cli {

struct PendingRenewal {
  crypto::PrivateKey key;
  crypto::Csr csr;
  // The fingerprint of the certificate that is to be replaced; empty: there is none.
  std::string replaces;
  // Its id at the issuer, where the order is to say what it renews; empty: it is not.
  std::string renews;

  // For CreateOrder: the same for the same certificate, CSR, CA, profile and chain.
  std::string RequestId(const WantedCertificate& wanted) const;
};

class PendingFile {
 public:
  PendingFile(const std::string& state_dir, const std::string& name);

  // What is under way for `wanted` in the place of `installed` (null: there is none). Whatever else
  // is in the file, other names or another key type, or a renewal that is done, is none: nullopt.
  std::optional<PendingRenewal> Read(const WantedCertificate& wanted,
                                     const crypto::Certificate* installed) const;
  // Makes the CSR, and the key unless `old_key` is to be used, and puts them on the disk.
  absl::StatusOr<PendingRenewal> Begin(const WantedCertificate& wanted,
                                       const crypto::Certificate* installed,
                                       const crypto::PrivateKey* old_key,
                                       const std::string& renews) const;
  // After it was installed, or will never be.
  void Drop() const;

 private:
  const std::string folder_;
  const std::string path_;
};

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_PENDING_H_
