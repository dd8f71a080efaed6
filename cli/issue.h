#ifndef NORROY_CLI_ISSUE_H_
#define NORROY_CLI_ISSUE_H_

// `norroy issue`: a key made here (or a CSR made elsewhere), an order, the wait for it, and the
// certificate's files. The key never leaves this machine.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct IssueOptions {
  std::vector<std::string> names;  // all in one certificate
  std::string csr_file;
  std::string key_type = "p256";
  std::string out;  // empty: <dir>/live/<first name>
  std::string ca;
  std::string profile;
  std::string preferred_chain;
  bool force_new = false;
  std::string renew;       // id of the certificate that it renews
  std::string auto_renew;  // "365d"
  std::string timeout = "5m";
};

absl::Status Issue(Context& context, const IssueOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_ISSUE_H_
