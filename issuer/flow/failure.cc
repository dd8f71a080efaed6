#include "issuer/flow/failure.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
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
// What waits for a human is looked at once a day without him.
constexpr absl::Duration kHumanHold = absl::Hours(24);
constexpr absl::Duration kBadCertificateHold = absl::Hours(1);
// So that all who wait for the end of a hold do not come at once.
constexpr absl::Duration kMaxSpread = absl::Seconds(30);

std::string PausedScope(const Order& order) { return absl::StrCat("paused/", order.ca); }
std::string PausedScope(const Order& order, const challenge::Name& name) {
  return absl::StrCat(PausedScope(order), "/", name.identifier().value());
}
std::string BadCertificateScope(const Order& order) {
  return absl::StrCat("bad/", order.ca, "/", order.set_key());
}

bool WaitsForAHuman(const std::string& reason) {
  return reason == "ACCOUNT_REFUSED" || reason == "USER_ACTION_REQUIRED";
}

// RFC 8555 6.6: rateLimited with Retry-After. A 429 holds new orders for this set of names. A 503,
// and a 429 that is no ACME problem, are a load balancer's word on the whole CA. All of it survives
// a restart.
absl::Status NoteHold(const Work& work, const Tools& tools, const absl::Status& failure,
                      absl::Time& retry_at) {
  const std::optional<acme::Problem> problem = acme::ProblemOf(failure);
  const Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  if (!problem.has_value()) {
    if (!IsUnreached(failure)) return absl::OkStatus();
    retry_at = now + std::min(BackOff(order.attempt, tools.random.Fraction()), kMaxUnreachedHold);
    return tools.store.SetHold(store::UnreachedScope(order.ca), retry_at);
  }
  if (WaitsForAHuman(ErrorReason(failure))) {
    log::Error("order", "the CA takes nothing from the account until somebody sees to it",
               {{"ca", order.ca}, {"order_id", order.id}, {"error", failure.message()}});
    return tools.store.SetHold(store::CaScope(order.ca), now + kHumanHold, failure.message());
  }
  const bool limited = failure.code() == absl::StatusCode::kResourceExhausted;
  if (!limited && problem->status != 503) return absl::OkStatus();
  const bool named = retry_at > now;
  if (!named && !limited) return absl::OkStatus();
  retry_at = std::min(named ? retry_at : now + kDefaultRateLimitHold, now + kMaxHold);
  const bool by_the_ca = problem->acme_type() == "rateLimited";
  return tools.store.SetHold(
      named && !by_the_ca ? store::CaScope(order.ca) : store::SetScope(order), retry_at);
}

// "www.example.com" is no mention of "example.com".
bool Mentions(absl::string_view text, absl::string_view name) {
  const auto goes_on = [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.'; };
  for (size_t at = text.find(name); at != absl::string_view::npos; at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    const bool whole =
        (at == 0 || !goes_on(text[at - 1])) && (end == text.size() || !goes_on(text[end]));
    if (whole) return true;
  }
  return false;
}

// The CA names the first of the paused names and says that there may be others.
absl::Status NotePaused(const Order& order, const Tools& tools, const absl::Status& failure) {
  const absl::Time until = tools.clock.Now() + kHumanHold;
  log::Error("order", "the CA has paused a name until somebody lifts that",
             {{"ca", order.ca}, {"order_id", order.id}, {"error", failure.message()}});
  bool named = false;
  for (const challenge::Name& name : order.names) {
    if (!Mentions(failure.message(), name.identifier().value())) continue;
    named = true;
    NORROY_RETURN_IF_ERROR(tools.store.SetHold(PausedScope(order, name), until, failure.message()));
  }
  if (!named) return tools.store.SetHold(store::SetScope(order), until, failure.message());
  return tools.store.SetHold(PausedScope(order), until);
}

}  // namespace

bool IsUnreached(const absl::Status& failure) {
  const std::string reason = ErrorReason(failure);
  return reason == "CONNECT_FAILED" || reason == "TLS_REFUSED";
}

bool IsWorthRepeating(const absl::Status& failure) {
  switch (failure.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kInternal:
      return true;
    default:
      return ErrorReason(failure) == "NO_ACCOUNT" || WaitsForAHuman(ErrorReason(failure));
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
  // Said by the CA, now: what an earlier order was told does not count anew.
  if (ErrorReason(failure) == "CA_PAUSED" && acme::ProblemOf(failure).has_value()) {
    NORROY_RETURN_IF_ERROR(NotePaused(order, tools, failure));
  }
  if (!IsWorthRepeating(failure)) return GiveUp(work, failure, now);
  absl::Time retry_at = RetryAt(failure);
  NORROY_RETURN_IF_ERROR(NoteHold(work, tools, failure, retry_at));
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> elsewhere,
                          FailOver(work, tools, failure, retry_at));
  if (elsewhere.has_value()) return *elsewhere;
  const absl::Duration spread =
      std::min((retry_at - now) / 10, kMaxSpread) * tools.random.Fraction();
  const absl::Time next =
      retry_at > now
          ? std::max(retry_at + spread, now + BackOff(order.attempt, tools.random.Fraction()))
          : now + BackOff(order.attempt, tools.random.Fraction());
  ++order.attempt;
  // What the CA asked for is not the state's time.
  if (retry_at > now) {
    order.state_time += next - now;
    if (work.state_began.has_value()) *work.state_began += next - now;
  }
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

absl::Status CheckPaused(const Order& order, const Tools& tools) {
  const absl::Time now = tools.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const absl::Time any, tools.store.GetHold(PausedScope(order)));
  if (any <= now) return absl::OkStatus();
  for (const challenge::Name& name : order.names) {
    const std::string scope = PausedScope(order, name);
    NORROY_ASSIGN_OR_RETURN(const absl::Time until, tools.store.GetHold(scope));
    if (until <= now) continue;
    NORROY_ASSIGN_OR_RETURN(const std::string why, tools.store.WhyHeld(scope));
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "CA_PAUSED",
        absl::StrCat(name.text(), " is paused at the CA, as an earlier order was told: ", why),
        {{"name", name.text()}});
  }
  return absl::OkStatus();
}

absl::Status HoldSet(const Order& order, const Tools& tools, const absl::Status& why) {
  const absl::Time now = tools.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const absl::Time last, tools.store.GetHold(BadCertificateScope(order)));
  const bool again = last > now - kHumanHold;
  const absl::Time until = now + (again ? kHumanHold : kBadCertificateHold);
  NORROY_RETURN_IF_ERROR(tools.store.SetHold(BadCertificateScope(order), until));
  return tools.store.SetHold(store::SetScope(order), until, why.message());
}

absl::Status LiftHolds(const Order& order, store::Store& store) {
  NORROY_RETURN_IF_ERROR(store.LiftHold(store::CaScope(order.ca)));
  NORROY_RETURN_IF_ERROR(store.LiftHold(store::UnreachedScope(order.ca)));
  NORROY_RETURN_IF_ERROR(store.LiftHold(store::SetScope(order)));
  for (const challenge::Name& name : order.names) {
    NORROY_RETURN_IF_ERROR(store.LiftHold(PausedScope(order, name)));
  }
  return absl::OkStatus();
}

}  // namespace norroy::flow
