#ifndef NORROY_CLI_AUTHORITIES_H_
#define NORROY_CLI_AUTHORITIES_H_

// The deployment's own certificate authorities, as they lie in the operator's directory, and the
// identities made from them. Local files only: no server is asked.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/result.pb.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"

namespace norroy::cli {

inline constexpr int kRootDays = 3650;
inline constexpr int kIntermediateDays = 1825;
inline constexpr int kIdentityDays = 365;

// Makes the root "core" or "edge" in <dir>/core or <dir>/edge; the key has mode 0600.
absl::StatusOr<identity::Authority> CreateRoot(const std::string& dir, absl::string_view domain,
                                               absl::string_view deployment, absl::Time now);
// Says what to do if the key was moved away.
absl::StatusOr<identity::Authority> OpenRoot(const std::string& dir, absl::string_view domain);

// Reads and writes a root as two files of <dir>/<domain>: the key (mode 0600) and the certificate.
absl::StatusOr<identity::Authority> ReadRootPair(const std::string& dir, absl::string_view domain,
                                                 absl::string_view key_name,
                                                 absl::string_view certificate_name);
absl::Status WriteRootPair(const std::string& dir, absl::string_view domain,
                           const identity::Authority& root, absl::string_view key_name,
                           absl::string_view certificate_name);

// The certificate of the root that signs now; its key need not be there.
absl::StatusOr<crypto::Certificate> RootCertificate(const std::string& dir,
                                                    absl::string_view domain);

// The deployment that the directory's core root belongs to.
absl::StatusOr<std::string> DeploymentIn(const std::string& dir);

// What is asked for when an identity is made.
struct IdentityRequest {
  identity::Identity identity;
  std::vector<std::string> hosts;  // of server certificates
  int days = kIdentityDays;
  std::string file;
};

// Makes a new key and its certificate, writes both to `file` (mode 0600, atomically), and files
// the certificate in core/issued. Requesters are signed by the CI intermediate, which is made at
// the first of them; agents and bootstrap identities are made by validators, not here.
absl::StatusOr<IdentityRecord> IssueIdentity(const std::string& dir, const IdentityRequest& request,
                                             absl::Time now);

// A seal's certificate for a key that lies elsewhere, in a token: the certificate alone, PEM.
absl::StatusOr<IdentityRecord> IssueSealCertificate(const std::string& dir,
                                                    const IdentityRequest& request,
                                                    const crypto::PublicKey& key, absl::Time now);

// The CI intermediate, made now if there is none.
absl::StatusOr<identity::IdentityFile> CiAuthority(const std::string& dir, absl::Time now);

// A new CI intermediate in the place of the one that is there. What that signed counts until it
// ends, or its root is retired.
absl::Status RenewCiAuthority(const std::string& dir, absl::Time now);

// A validator's own edge intermediate: signs agents' certificates.
absl::StatusOr<IdentityRecord> IssueEdgeAuthority(const std::string& dir,
                                                  const std::string& validator,
                                                  const std::string& file, absl::Time now);

// The same identity (or edge intermediate) with a new key and new dates, in the same file; 0 days:
// for as long as the one before. While a root follows another, the chain ends with the certificate
// that leads back to the older.
absl::StatusOr<IdentityRecord> RenewIdentity(const std::string& dir, const std::string& file,
                                             int days, absl::Time now);

// What was made from this directory, soonest end first; without status.
absl::StatusOr<std::vector<IdentityRecord>> ListIdentities(const std::string& dir);

// Makes a folder (and those above it) with mode 0700; one that is there is left as it is.
absl::Status MakeFolder(const std::string& path);

}  // namespace norroy::cli

#endif  // NORROY_CLI_AUTHORITIES_H_
