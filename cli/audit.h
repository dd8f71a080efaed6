#ifndef NORROY_CLI_AUDIT_H_
#define NORROY_CLI_AUDIT_H_

// `norroy audit ...`: who did what, and that nobody has changed it since.

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct AuditTailOptions {
  std::string of = "issuer";  // or "validator"
  bool follow = false;
  std::string principal;
  std::string action;
  std::string object;
  int limit = 50;
};

struct AuditExportOptions {
  std::string file;
  std::string of = "issuer";
};

struct AuditVerifyOptions {
  std::string file;     // an export; empty: the servers' own logs
  std::string against;  // an older export of the same process
};

absl::Status AuditTail(Context& context, const AuditTailOptions& options);
absl::Status AuditExport(Context& context, const AuditExportOptions& options);
absl::Status AuditVerify(Context& context, const AuditVerifyOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_AUDIT_H_
