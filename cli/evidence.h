#ifndef NORROY_CLI_EVIDENCE_H_
#define NORROY_CLI_EVIDENCE_H_

// `norroy cert evidence`: how a certificate came to be.

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

absl::Status CertEvidence(Context& context, const std::string& id);

}  // namespace norroy::cli

#endif  // NORROY_CLI_EVIDENCE_H_
