#ifndef NORROY_CLI_CERT_H_
#define NORROY_CLI_CERT_H_

// `norroy cert ...`

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/context.h"
#include "norroy/issuer/v1/certificate_service.pb.h"

namespace norroy::cli {

struct CertListOptions {
  std::string name;
  bool due = false;  // only those that are to be renewed now
  int limit = 1000;
};

struct CertGetOptions {
  std::string id;   // a certificate's, or its order's
  std::string out;  // a folder; empty: the chain goes to stdout
  int chain = 1;    // which of the chains that the CA offered
};

absl::Status CertList(Context& context, const CertListOptions& options);
absl::Status CertShow(Context& context, const std::string& id);
absl::Status CertGet(Context& context, const CertGetOptions& options);

// The certificate of this id, or of the order of this id: people have the order's at hand.
absl::StatusOr<issuer::v1::Certificate> CertificateByEither(Context& context,
                                                            const std::string& id);
// The newest with exactly this name that is not revoked or, with a serial, that one whatever it is.
absl::StatusOr<std::optional<issuer::v1::Certificate>> FindCertificate(Context& context,
                                                                       const std::string& name,
                                                                       const std::string& serial);

}  // namespace norroy::cli

#endif  // NORROY_CLI_CERT_H_
