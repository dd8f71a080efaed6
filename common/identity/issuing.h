#ifndef NORROY_COMMON_IDENTITY_ISSUING_H_
#define NORROY_COMMON_IDENTITY_ISSUING_H_

// Making the deployment's own certificates: the two roots, the CI and edge intermediates, and
// everybody's identities. All keys are P-256, serials 128 random bits, dates backdated by one hour
// unless told otherwise.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "common/identity/identity.h"

namespace norroy::identity {

// A certificate authority of ours: key and certificate.
struct Authority {
  crypto::PrivateKey key;
  crypto::Certificate certificate;
};

// "core" or "edge" root; pathlen 1.
absl::StatusOr<Authority> MakeRoot(absl::string_view domain, absl::string_view deployment,
                                   absl::Time now, absl::Duration lifetime);

// The new root's name and key, signed by the old root of the same trust domain: who believes the
// old one can believe what the new one signed, until either ends. Both have the same name, so that
// it does not count towards path lengths (RFC 5280 4.2.1.9: self-issued).
absl::StatusOr<crypto::Certificate> MakeCrossCertificate(const Authority& old_root,
                                                         const crypto::Certificate& new_root,
                                                         absl::Time now);

// An intermediate that may sign only identities of one trust domain ("edge.<deployment>" or
// "ci.<deployment>", as an X.509 name constraint on the URI's host); pathlen 0.
absl::StatusOr<Authority> MakeIntermediate(const Authority& root, absl::string_view name,
                                           absl::string_view trust_domain, absl::Time now,
                                           absl::Duration lifetime);

struct LeafRequest {
  Identity identity;
  // Server certificates: "issuer.example.net", "192.0.2.1". Only for issuer and validator, which
  // get serverAuth and clientAuth; everybody else is clientAuth only; a seal gets neither.
  std::vector<std::string> hosts;
  absl::Time now;
  absl::Duration lifetime;
  // Against clocks that are behind ours.
  absl::Duration backdate = absl::Hours(1);
};

// The role must fit the authority's trust domain. The leaf ends no later than the authority.
absl::StatusOr<crypto::Certificate> IssueLeaf(const Authority& authority,
                                              const crypto::PublicKey& key,
                                              const LeafRequest& request);

// Reads a PEM file of mode 0600 with the key and then its certificate(s), as we write them.
struct IdentityFile {
  crypto::PrivateKey key;
  std::vector<crypto::Certificate> chain;  // own certificate first
};
absl::StatusOr<IdentityFile> ReadIdentityFile(const std::string& path);
// Writes to "<path>.new", syncs, renames over `path`, syncs the folder: a reader sees the old file
// or the new, never half, and key and certificate always match.
absl::Status WriteIdentityFile(const std::string& path, const IdentityFile& identity);
// Any file of ours in the same manner.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes, int mode);
// At most `max_bytes`; a longer file is an error that says so.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

}  // namespace norroy::identity

#endif  // NORROY_COMMON_IDENTITY_ISSUING_H_
