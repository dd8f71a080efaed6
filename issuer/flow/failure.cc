#include "issuer/flow/failure.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"

namespace norroy::flow {
namespace {

// A limit without a time: long enough to be polite, short enough to notice that it is gone.
constexpr absl::Duration kDefaultRateLimitHold = absl::Hours(1);
constexpr absl::Duration kMaxHold = absl::Hours(24);
constexpr absl::Duration kMaxBackOff = absl::Minutes(10);

// RFC 8555 6.6: rateLimited with Retry-After. A 429 holds new orders for this set of names, a 503
// (a load balancer's word) the whole CA; both survive a restart.
absl::Status NoteHold(const Work& work, const Tools& tools, const absl::Status& failure,
                      absl::Time& retry_at) {
  const std::optional<acme::Problem> problem = acme::ProblemOf(failure);
  if (!problem.has_value()) return absl::OkStatus();
  const Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  if (failure.code() == absl::StatusCode::kResourceExhausted) {
    if (retry_at <= now) retry_at = now + kDefaultRateLimitHold;
    retry_at = std::min(retry_at, now + kMaxHold);
    return tools.store.SetHold(absl::StrCat("set/", order.ca, "/", order.set_key()), retry_at);
  }
  if (problem->status == 503 && retry_at > now) {
    retry_at = std::min(retry_at, now + kMaxHold);
    return tools.store.SetHold(absl::StrCat("ca/", order.ca), retry_at);
  }
  return absl::OkStatus();
}

}  // namespace

bool IsWorthRepeating(const absl::Status& failure) {
  switch (failure.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kInternal:
      return true;
    default:
      return ErrorReason(failure) == "NO_ACCOUNT";
  }
}

absl::Time RetryAt(const absl::Status& failure) {
  const ErrorMetadata metadata = ErrorMetadataOf(failure);
  const auto it = metadata.find("retry_at");
  absl::Time time;
  std::string error;
  if (it == metadata.end() || !absl::ParseTime(absl::RFC3339_full, it->second, &time, &error)) {
    return absl::InfinitePast();
  }
  return time;
}

absl::Duration BackOff(int attempt, double fraction) {
  const absl::Duration base =
      std::min(absl::Seconds(1) * static_cast<double>(1 << std::min(attempt, 12)), kMaxBackOff);
  return base * (0.9 + 0.2 * fraction);
}

absl::StatusOr<Next> AfterFailure(Work& work, const Tools& tools, const absl::Status& failure) {
  Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  if (!IsWorthRepeating(failure)) return GiveUp(work, failure, now);
  absl::Time retry_at = RetryAt(failure);
  NORROY_RETURN_IF_ERROR(NoteHold(work, tools, failure, retry_at));
  const absl::Time next = std::max(retry_at, now + BackOff(order.attempt, tools.random.Fraction()));
  ++order.attempt;
  order.error = OrderError::Of(failure);
  log::Warning("order", "step failed, will be tried again",
               {{"order_id", order.id},
                {"step", StateName(order.state)},
                {"attempt", order.attempt},
                {"next", absl::FormatTime(absl::RFC3339_sec, next, absl::UTCTimeZone())},
                {"error", failure.message()}});
  return ParkUntil(
      work, next,
      absl::StrCat("the next try at ", absl::FormatTime("%H:%M:%SZ", next, absl::UTCTimeZone())));
}

}  // namespace norroy::flow
