#ifndef NORROY_CLI_JOIN_H_
#define NORROY_CLI_JOIN_H_

// Inviting an agent: a bootstrap key made here, its certificate from the validator, and the core
// root from the operator's own directory (never from a validator), in one join token file.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/context.h"
#include "cli/result.pb.h"
#include "norroy/validator/v1/agent_admin_service.pb.h"

namespace norroy::cli {

struct Invitation {
  std::string agent;
  validator::v1::ChallengeGrant grant;
  absl::Duration lifetime = absl::Hours(1);
  bool replace = false;
  std::string file;
};

absl::StatusOr<JoinTokenFile> InviteAgent(Context& context, const Invitation& invitation);

}  // namespace norroy::cli

#endif  // NORROY_CLI_JOIN_H_
