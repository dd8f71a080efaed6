#ifndef NORROY_CLI_RENEWAL_H_
#define NORROY_CLI_RENEWAL_H_

// `norroy cert`, as far as it is about renewals.

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

// Exit codes of `needs-renewal`: those that scripts and ExecCondition= know from step.
inline constexpr int kNeedsRenewal = 0;
inline constexpr int kNeedsNoRenewal = 1;
inline constexpr int kNothingToRenew = 2;
inline constexpr int kRenewalUnknown = 255;

struct CertRenewOptions {
  std::string id;
  std::string csr_file;
  std::string key_type;  // empty: as before
  std::string out;
  std::string auto_renew;
  std::string timeout = "5m";
};

struct AutoRenewOptions {
  std::string id;
  std::string until;  // "90d"
  bool off = false;
};

struct RenewalShowOptions {
  std::string id;
  bool refresh = false;
};

// A certificate file, a certificate's (or order's) id, or a name. Ends with the exit code.
absl::Status CertNeedsRenewal(Context& context, const std::string& what);
// What `cert list --due` lists.
absl::Status ListDue(Context& context, int limit);
absl::Status CertRenewal(Context& context, const RenewalShowOptions& options);
absl::Status CertRenew(Context& context, const CertRenewOptions& options);
absl::Status CertAutoRenew(Context& context, const AutoRenewOptions& options);
// One line for each renewal that is due, each time something changed, until it is interrupted.
absl::Status CertWatch(Context& context);

}  // namespace norroy::cli

#endif  // NORROY_CLI_RENEWAL_H_
