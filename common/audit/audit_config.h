#ifndef NORROY_COMMON_AUDIT_AUDIT_CONFIG_H_
#define NORROY_COMMON_AUDIT_AUDIT_CONFIG_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "norroy/config/v1/common.pb.h"

namespace norroy::audit {

// audit.checkpoint_minutes: 1 to 1440, or the default. INVALID_ARGUMENT, reason BAD_CONFIG.
absl::StatusOr<absl::Duration> ReadCheckpointEvery(const config::v1::AuditConfig& config);

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_AUDIT_CONFIG_H_
