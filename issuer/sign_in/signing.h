#ifndef NORROY_ISSUER_SIGN_IN_SIGNING_H_
#define NORROY_ISSUER_SIGN_IN_SIGNING_H_

// From a CSR to a client certificate of a requester, signed by the CI intermediate, which can sign
// nothing else: its name constraint is spiffe://ci.<deployment>.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace norroy::sign_in {

inline constexpr absl::Duration kMaxClientLifetime = absl::Minutes(10);
// Against clocks that are behind ours; a day's worth would be a certificate for yesterday.
inline constexpr absl::Duration kClientBackdate = absl::Minutes(1);

struct ClientCertificate {
  std::string chain_pem;  // the certificate, then the CI intermediate
  std::string serial;
  absl::Time expire_time;
};

// Thread-safe.
class CiAuthority {
 public:
  // `path`: key and certificate, one PEM file, read anew each time, so that a new intermediate
  // needs no restart. `lifetime` beyond the most is cut.
  CiAuthority(std::string path, std::string deployment, absl::Duration lifetime);

  // The file is there, and is the CI intermediate of `deployment` under one of the core roots.
  static absl::Status Check(const std::string& path, const std::string& core_root_file,
                            const std::string& deployment, absl::Time now);

  // INVALID_ARGUMENT, reason BAD_CSR, for a CSR that is not signed by its own key, or whose key is
  // not P-256; names in it are ignored. FAILED_PRECONDITION and others: the authority's fault.
  absl::StatusOr<ClientCertificate> Sign(absl::string_view csr_der, absl::string_view requester,
                                         absl::Time now) const;

 private:
  const std::string path_;
  const std::string deployment_;
  const absl::Duration lifetime_;
};

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_SIGNING_H_
