#ifndef NORROY_CLI_INIT_H_
#define NORROY_CLI_INIT_H_

// `norroy init`: a deployment in a directory: the roots, everybody's identities and
// configurations, all on this machine until somebody moves them. A deployment that is there is
// never touched; norroy.yaml is written last, so a directory that has it is complete.

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/context.h"
#include "cli/init_plan.h"
#include "cli/result.pb.h"

namespace norroy::cli {

absl::StatusOr<InitResult> MakeDeployment(const std::string& dir, const InitPlan& plan,
                                          absl::Time now);

// The command: makes it and tells what to do next.
absl::Status Init(Context& context, const InitOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_INIT_H_
