#ifndef NORROY_ISSUER_FLOW_STEP_H_
#define NORROY_ISSUER_FLOW_STEP_H_

// What a step works on and what it may decide. A step makes at most one irreversible request to the
// CA, changes the order, and returns what comes next; it never sleeps. Its error is an answer too:
// failure.h decides whether the order waits or is given up.

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/lease/tenure.h"
#include "issuer/acme/client.h"
#include "issuer/acme/order.h"
#include "issuer/flow/grades.h"
#include "issuer/flow/looking.h"
#include "issuer/flow/order.h"
#include "issuer/keys/accounts.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/solver.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/store.h"

namespace norroy::flow {

class Budget;

// An order in the hands of one worker, or waiting in memory for the next. What is not in `order`
// is first-hand knowledge that a restart asks for again.
struct Work {
  Order order;
  store::Lease lease;
  absl::Duration lease_end;  // by the monotonic clock
  int64_t tenure = 0;        // under which it was last known to be ours
  // When its present state began, by the monotonic clock: a wall clock may jump. Unset: the engine
  // has not seen it in this state.
  std::optional<absl::Duration> state_began;
  // The CA's order as last read.
  std::optional<acme::Order> ca_order;
  // Every authorization in order.progress was read since the order was taken.
  bool authorizations_read = false;
  // Who would answer by what, as last asked, and when that was, by the monotonic clock.
  std::optional<std::vector<solver::NamePlan>> plan;
  absl::Duration plan_at = absl::ZeroDuration();
  // Of the CA order that is being discarded: how many authorizations were given back.
  size_t discarded = 0;
  // How often the CA refused to hear that a proof is up.
  int refusals = 0;
  // The flight of its names is this order's.
  bool holds_flight = false;
  // The order differs from its row.
  bool unsaved = false;
  // How long to wait before the next poll; zero: ask at once.
  absl::Duration poll_interval = absl::ZeroDuration();
  // By the monotonic clock: the CA is not polled before, whatever else wakes the order.
  // order.poll_time is for whoever takes it anew.
  absl::Duration poll_at = absl::ZeroDuration();
  // The presentation of order.generation, sealed once, how long its lease is, and by what its names
  // are sealed.
  std::optional<solver::Presentation> presentation;
  absl::Duration lease_time = absl::ZeroDuration();
  std::vector<FailedType> sealed;
  // The generation last given to the solver, and its revision when it was READY.
  int64_t shown_generation = 0;
  std::optional<int64_t> ready_revision;
  // When that was, by the monotonic clock, and whether it is being asked once more.
  absl::Duration ready_at = absl::ZeroDuration();
  bool rechecking = false;
  // The looks at it.
  Looks looks;
};

// What comes after a step.
struct Next {
  enum class Kind {
    kRunOn,  // the next step, at once
    kWait,   // the same order again after `wait` or when woken, kept in memory under its lease
    kPark,   // given back to the store until order.due_time
    kEnded,  // stored already; nothing follows
  };
  Kind kind = Kind::kRunOn;
  // Store the order first (kPark always does).
  bool save = true;
  absl::Duration wait = absl::ZeroDuration();

  static Next RunOn() { return {}; }
  static Next RunOnUnsaved() { return {Kind::kRunOn, false, absl::ZeroDuration()}; }
  static Next Wait(absl::Duration wait, bool save) { return {Kind::kWait, save, wait}; }
  static Next Park() { return {Kind::kPark, true, absl::ZeroDuration()}; }
  static Next Ended() { return {Kind::kEnded, false, absl::ZeroDuration()}; }
};

// The reason of an order that the CA looked at in vain.
inline constexpr char kValidationFailed[] = "VALIDATION_FAILED";

inline constexpr absl::Duration kLease = absl::Seconds(120);
// A CA request ends within this (http::Request::timeout), and the lease must outlive it.
inline constexpr absl::Duration kRequestLimit = absl::Seconds(65);
// A CA that cannot be reached is tried by one order at a time, at least this often.
inline constexpr absl::Duration kMaxUnreachedHold = absl::Minutes(1);

// What steps use. All references outlive it; thread-safe as they are.
struct Tools {
  store::Store& store;
  keys::Accounts& accounts;
  solver::Solver& solver;
  solver::Sealer& sealer;
  Clock& clock;
  crypto::Random& random;
  store::Authorizations& authorizations;
  store::Limits limits;
  Grades grades;
  lease::Tenure* tenure;  // null: no other process has this store
  Budget* budget;         // null: no CA has limits
  // Of every presentation; zero: by how its names are proved.
  absl::Duration proof_lease;

  // Makes the lease last `need` from now on. ABORTED (LEASE_LOST), too, while this process has no
  // tenure: others may be at work on what it holds.
  absl::Status KeepLease(Work& work, absl::Duration need) const;
  // The CA of the order, for one request now: the lease outlives it (or is made longer), and the
  // CA has not asked us to stay away.
  absl::StatusOr<acme::Client*> Ca(Work& work) const;
  // UNAVAILABLE (reason CA_ON_HOLD): nobody is to call the CA now.
  absl::Status CheckHeld(const std::string& ca) const;
};

// Enters a state.
void Enter(Work& work, State state, absl::Time now);
// Makes the flight of the order's names its own. False: another order has it.
absl::StatusOr<bool> TakeFlight(Work& work, const Tools& tools);
absl::Status GiveFlightBack(Work& work, const Tools& tools);
// Looks again soon whether the other order has given it back.
absl::StatusOr<Next> WaitForFlight(Work& work, const Tools& tools);
// Gives the flight back and waits in the store for a limit to end: READY orders of the same names
// must be able to finish meanwhile.
absl::StatusOr<Next> WaitForLimit(Work& work, const Tools& tools, absl::Time until);
// WAITING_FOR_CSR: holds nothing at the CA and no flight.
absl::StatusOr<Next> BecomeReady(Work& work, const Tools& tools);
// Forgets the order's error, unless it is what the CA said of an earlier try: that stays until the
// names are validated.
void ClearError(Order& order);
// Ends the order badly: `why` is what callers see.
Next GiveUp(Work& work, const absl::Status& why, absl::Time now);
// Forgets the CA's order and begins anew with the same names (and CSR).
Next StartAnew(Work& work, absl::Time now);
// Waits in the store until `until`.
Next ParkUntil(Work& work, absl::Time until, absl::string_view waiting_for);

// Why the CA made its order invalid.
absl::Status WhyInvalid(const acme::Order& ca_order);

// The CA is not to be asked for its order yet (RFC 8555 7.4). Unset: it may.
std::optional<Next> WaitForPollTime(const Work& work, const Tools& tools);

// The CA asked that an authorization of the order be left alone until then (Retry-After; nullopt:
// it asked for nothing): neither it nor the order is asked for before, by whoever has the order.
void NoteRetryAfter(Work& work, const Tools& tools, std::optional<absl::Time> retry_after);

// The pause before the next poll: Retry-After first (RFC 8555 7.4), else from the last round trip
// on by 1.5 up to 5 s, and an eighth of the time that the state has lasted where that is more.
Next PollAgain(Work& work, absl::Duration round_trip, std::optional<absl::Time> retry_after,
               absl::Time now, absl::string_view waiting_for);

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_STEP_H_
