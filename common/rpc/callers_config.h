#ifndef NORROY_COMMON_RPC_CALLERS_CONFIG_H_
#define NORROY_COMMON_RPC_CALLERS_CONFIG_H_

// The part `callers` of a daemon's configuration, checked.

#include "absl/status/statusor.h"
#include "common/rpc/caller_limits.h"
#include "norroy/config/v1/common.pb.h"

namespace norroy::rpc {

// Errors (INVALID_ARGUMENT, reason BAD_CONFIG) name the field. An issuer's limits are raised with
// the others, never lowered.
absl::StatusOr<CallerLimitsOptions> ReadCallers(const config::v1::CallersConfig& config);

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_CALLERS_CONFIG_H_
