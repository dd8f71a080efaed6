#ifndef NORROY_CLI_POLICY_H_
#define NORROY_CLI_POLICY_H_

// `norroy policy ...`: who may order what, and which agent may answer for what, as a file that is
// compared and applied.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "cli/context.h"
#include "norroy/issuer/v1/policy_service.grpc.pb.h"

namespace norroy::cli {

struct PolicyShowOptions {
  int64_t version = 0;  // 0: the one in force
};

struct PolicyApplyOptions {
  std::string file;
  bool dry_run = false;
  std::string comment;
  int64_t expect = -1;  // the version that the file was written against; -1: whichever is in force
};

// As YAML that `policy apply` takes again; what the issuer's configuration grants is a comment.
absl::Status PolicyShow(Context& context, const PolicyShowOptions& options);
absl::Status PolicyApply(Context& context, const PolicyApplyOptions& options);
absl::Status PolicyHistory(Context& context);

// For those who change issuance grants.
using PolicyStub = issuer::v1::PolicyService::Stub;
absl::StatusOr<std::unique_ptr<PolicyStub>> ConnectPolicy(Context& context);
// The one in force.
absl::StatusOr<issuer::v1::Policy> ReadPolicy(Context& context, PolicyStub& stub);
// Refuses before it is sent what no issuer would take in one call.
absl::StatusOr<issuer::v1::ApplyPolicyResponse> SendPolicy(
    Context& context, PolicyStub& stub, const issuer::v1::ApplyPolicyRequest& request);

}  // namespace norroy::cli

#endif  // NORROY_CLI_POLICY_H_
