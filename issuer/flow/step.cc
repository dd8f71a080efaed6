#include "issuer/flow/step.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"

namespace norroy::flow {
namespace {

constexpr absl::Duration kFlightPoll = absl::Milliseconds(500);
constexpr absl::Duration kMinPoll = absl::Milliseconds(2);
constexpr absl::Duration kMaxPoll = absl::Seconds(5);
constexpr absl::Duration kMaxRetryAfter = absl::Hours(24);
// Longer waits go to the store: memory is for what moves.
constexpr absl::Duration kMaxWaitInMemory = absl::Seconds(30);

}  // namespace

absl::Status Tools::KeepLease(Work& work, absl::Duration need) const {
  if (tenure != nullptr && !tenure->Lasts()) {
    return MakeError(absl::StatusCode::kAborted, "LEASE_LOST",
                     "the database has not heard of this issuer for too long");
  }
  const int64_t number = tenure == nullptr ? work.tenure : tenure->number();
  const absl::Duration taken = clock.Monotonic();
  // Under an earlier tenure: the store knows whether it was given away meanwhile.
  if (work.tenure == number && work.lease_end - taken >= need) return absl::OkStatus();
  NORROY_RETURN_IF_ERROR(store.ExtendLease(work.lease, clock.Now(), kLease));
  work.lease_end = taken + kLease;
  work.tenure = number;
  return absl::OkStatus();
}

absl::Status Tools::CheckHeld(const std::string& ca) const {
  const absl::Time now = clock.Now();
  const auto held = [&](absl::Time until, absl::string_view why) {
    return MakeError(absl::StatusCode::kUnavailable, "CA_ON_HOLD",
                     absl::StrCat("the CA ", ca, why, absl::FormatTime(until, absl::UTCTimeZone())),
                     {{"retry_at", acme::RetryAtText(until)}});
  };
  NORROY_ASSIGN_OR_RETURN(const absl::Time asked, store.GetHold(store::CaScope(ca)));
  if (asked > now) {
    NORROY_ASSIGN_OR_RETURN(const std::string why, store.WhyHeld(store::CaScope(ca)));
    // Looked at often, so that a hold which a human lifts is gone soon.
    if (!why.empty()) return MakeError(absl::StatusCode::kUnavailable, "CA_ON_HOLD", why);
    return held(asked, " asked not to be called until ");
  }
  NORROY_ASSIGN_OR_RETURN(const absl::Time unreached, store.GetHold(store::UnreachedScope(ca)));
  // A longer one was set while the clock was ahead.
  const bool counts = unreached > now && unreached - now <= 2 * kMaxUnreachedHold;
  return counts ? held(unreached, " could not be reached; it is tried again at ")
                : absl::OkStatus();
}

absl::StatusOr<acme::Client*> Tools::Ca(Work& work) const {
  NORROY_ASSIGN_OR_RETURN(acme::Client* const client, accounts.ClientFor(work.order.ca));
  NORROY_RETURN_IF_ERROR(CheckHeld(work.order.ca));
  NORROY_RETURN_IF_ERROR(KeepLease(work, kRequestLimit));
  // A cancel takes the order away however long the lease would have lasted.
  NORROY_RETURN_IF_ERROR(store.ConfirmLease(work.lease));
  return client;
}

void Enter(Work& work, State state, absl::Time now) {
  Order& order = work.order;
  if (order.state != state) order.attempt = 0;
  order.state = state;
  order.state_time = now;
  order.due_time = now;
  order.waiting_for.clear();
  work.poll_interval = absl::ZeroDuration();
  work.state_began.reset();
}

absl::StatusOr<bool> TakeFlight(Work& work, const Tools& tools) {
  if (work.holds_flight) return true;
  NORROY_ASSIGN_OR_RETURN(work.holds_flight, tools.store.TakeFlight(work.order, work.lease));
  return work.holds_flight;
}

absl::Status GiveFlightBack(Work& work, const Tools& tools) {
  work.holds_flight = false;
  return tools.store.GiveFlightBack(work.order, work.lease);
}

absl::StatusOr<Next> WaitForFlight(Work& work, const Tools& tools) {
  constexpr char kOther[] = "another order for the same names";
  // That may take days: while the order is in memory it must stay ours.
  NORROY_RETURN_IF_ERROR(tools.KeepLease(work, kRequestLimit));
  const bool news = work.order.waiting_for != kOther;
  work.order.waiting_for = kOther;
  work.order.due_time = tools.clock.Now() + kFlightPoll;
  return Next::Wait(kFlightPoll, news);
}

absl::StatusOr<Next> WaitForLimit(Work& work, const Tools& tools, absl::Time until) {
  NORROY_RETURN_IF_ERROR(GiveFlightBack(work, tools));
  return ParkUntil(work, until,
                   absl::StrCat("a limit for these names, until ",
                                absl::FormatTime(absl::RFC3339_sec, until, absl::UTCTimeZone())));
}

absl::StatusOr<Next> BecomeReady(Work& work, const Tools& tools) {
  NORROY_RETURN_IF_ERROR(GiveFlightBack(work, tools));
  Enter(work, State::kWaitingForCsr, tools.clock.Now());
  return ParkUntil(work, work.order.expire_time, "a CSR");
}

absl::Status WhyInvalid(const acme::Order& ca_order) {
  if (ca_order.error.has_value()) return acme::ToStatus(*ca_order.error);
  return MakeError(absl::StatusCode::kFailedPrecondition, "CA_REFUSED",
                   "the CA made the order invalid and did not say why");
}

void ClearError(Order& order) {
  if (order.error.has_value() && order.error->reason == kValidationFailed) return;
  order.error.reset();
}

Next GiveUp(Work& work, const absl::Status& why, absl::Time now) {
  work.order.error = OrderError::Of(why);
  work.order.ending = State::kFailed;
  Enter(work, State::kGivingUp, now);
  return Next::RunOn();
}

Next StartAnew(Work& work, absl::Time now) {
  work.order.LeaveCaOrder();
  work.ca_order.reset();
  work.poll_at = absl::ZeroDuration();
  work.authorizations_read = false;
  work.presentation.reset();
  work.looks = {};
  Enter(work, State::kQueued, now);
  return Next::RunOn();
}

Next ParkUntil(Work& work, absl::Time until, absl::string_view waiting_for) {
  work.order.due_time = until;
  work.order.waiting_for = std::string(waiting_for);
  return Next::Park();
}

void NoteRetryAfter(Work& work, const Tools& tools, std::optional<absl::Time> retry_after) {
  if (!retry_after.has_value()) return;
  work.order.poll_time = std::max(work.order.poll_time, *retry_after);
  work.poll_at =
      std::max(work.poll_at, tools.clock.Monotonic() + (*retry_after - tools.clock.Now()));
}

Next PollAgain(Work& work, absl::Duration round_trip, std::optional<absl::Time> retry_after,
               absl::Time now, absl::string_view waiting_for) {
  work.poll_interval = work.poll_interval == absl::ZeroDuration()
                           ? std::max(round_trip, kMinPoll)
                           : std::min(work.poll_interval * 1.5, kMaxPoll);
  // Tight while the answer may come any moment, at most 60 polls in half an hour. Proofs that are
  // up are known to memory only.
  const absl::Duration longest =
      work.order.state == State::kValidating ? kMaxWaitInMemory : absl::InfiniteDuration();
  const absl::Duration pace =
      std::max(work.poll_interval, std::min((now - work.order.state_time) / 8, longest));
  const absl::Duration wait =
      retry_after.has_value() ? std::max(*retry_after - now, absl::ZeroDuration()) : pace;
  work.order.poll_time = retry_after.has_value() ? now + wait : absl::InfinitePast();
  if (wait > kMaxWaitInMemory) return ParkUntil(work, now + wait, waiting_for);
  const bool news = work.order.waiting_for != waiting_for;
  work.order.waiting_for = std::string(waiting_for);
  work.order.due_time = now + wait;
  return Next::Wait(wait, retry_after.has_value() || (news && wait > absl::Milliseconds(200)));
}

std::optional<Next> WaitForPollTime(const Work& work, const Tools& tools) {
  const absl::Duration now = tools.clock.Monotonic();
  if (now < work.poll_at) {
    return Next::Wait(std::min(work.poll_at - now, kMaxWaitInMemory), false);
  }
  if (work.poll_at > absl::ZeroDuration()) return std::nullopt;
  const absl::Duration left = work.order.poll_time - tools.clock.Now();
  // No Retry-After is taken for longer: then the clock was set back meanwhile.
  if (left <= absl::ZeroDuration() || left > kMaxRetryAfter) return std::nullopt;
  return Next::Wait(std::min(left, kMaxWaitInMemory), false);
}

}  // namespace norroy::flow
