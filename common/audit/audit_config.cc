#include "common/audit/audit_config.h"

#include "absl/strings/str_cat.h"
#include "common/audit/keeper.h"
#include "common/error/error.h"

namespace norroy::audit {
namespace {

constexpr int kMaxMinutes = 1440;

}  // namespace

absl::StatusOr<absl::Duration> ReadCheckpointEvery(const config::v1::AuditConfig& config) {
  const int minutes = config.checkpoint_minutes();
  if (minutes == 0) return kDefaultCheckpointEvery;
  if (minutes > 0 && minutes <= kMaxMinutes) return absl::Minutes(minutes);
  return MakeError(
      absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
      absl::StrCat("audit.checkpoint_minutes is ", minutes, "; it must be 1 to ", kMaxMinutes,
                   ", or 0 for the default ", absl::ToInt64Minutes(kDefaultCheckpointEvery)));
}

}  // namespace norroy::audit
