#include "common/rpc/callers_config.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/daemon/settings.h"
#include "common/status_macros.h"

namespace norroy::rpc {
namespace {

constexpr int kMaxRate = 100'000;
constexpr int kMaxAtOnce = 10'000;

absl::Status ReadNumber(absl::string_view field, int value, int max, int& number) {
  if (value == 0) return absl::OkStatus();
  if (value > 0 && value <= max) {
    number = value;
    return absl::OkStatus();
  }
  return daemon::BadConfig(absl::StrCat("callers.", field, " is ", value, "; it must be 1 to ", max,
                                        ", or 0 for the default ", number));
}

}  // namespace

absl::StatusOr<CallerLimitsOptions> ReadCallers(const config::v1::CallersConfig& config) {
  CallerLimitsOptions options;
  NORROY_RETURN_IF_ERROR(ReadNumber("calls_per_second", config.calls_per_second(), kMaxRate,
                                    options.each.calls_per_second));
  // A rate above the default burst needs room for at least a second of it.
  options.each.burst = std::max(options.each.burst, options.each.calls_per_second);
  NORROY_RETURN_IF_ERROR(ReadNumber("burst", config.burst(), kMaxRate, options.each.burst));
  NORROY_RETURN_IF_ERROR(
      ReadNumber("calls_at_once", config.calls_at_once(), kMaxAtOnce, options.each.calls_at_once));
  options.issuer.calls_per_second =
      std::max(options.issuer.calls_per_second, options.each.calls_per_second);
  options.issuer.burst = std::max(options.issuer.burst, options.each.burst);
  options.issuer.calls_at_once = std::max(options.issuer.calls_at_once, options.each.calls_at_once);
  return options;
}

}  // namespace norroy::rpc
