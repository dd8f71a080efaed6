#ifndef NORROY_CLI_CERT_H_
#define NORROY_CLI_CERT_H_

// `norroy cert ...`

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct CertListOptions {
  std::string name;
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
absl::Status CertRevoke(Context& context, const std::string& id, const std::string& reason);

}  // namespace norroy::cli

#endif  // NORROY_CLI_CERT_H_
