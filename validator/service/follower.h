#ifndef NORROY_VALIDATOR_SERVICE_FOLLOWER_H_
#define NORROY_VALIDATOR_SERVICE_FOLLOWER_H_

// Keeps what this validator has in memory in step with what other validators on its store change:
// every second the fleet (grants, bans, drains, removals, enrollments) and the presentations that
// it keeps. A validator that cannot reach the store goes on with what it knew.

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/rounds.h"
#include "common/log/trouble.h"
#include "validator/agents/registry.h"
#include "validator/presentation/coordinator.h"
#include "validator/store/store.h"

namespace norroy::validator {

// Thread-safe.
class Follower {
 public:
  static constexpr absl::Duration kEvery = absl::Seconds(1);

  // All outlive this object. `version`: of the fleet, as the store said it before the registry was
  // loaded.
  Follower(Store& store, Registry& registry, Coordinator& coordinator, Clock& clock,
           int64_t version)
      : store_(store),
        registry_(registry),
        coordinator_(coordinator),
        version_(version),
        rounds_(clock, [this] { return Round(); }) {}
  // Stops.
  ~Follower() { Stop(); }

  void Start() { rounds_.Start(kEvery); }
  void Stop() { rounds_.Stop(); }
  // Looks once, on this thread; for tests, instead of Start.
  absl::Status Look();

 private:
  absl::Status LookAtFleet();
  absl::Duration Round();

  Store& store_;
  Registry& registry_;
  Coordinator& coordinator_;
  int64_t version_;  // of the one thread that looks
  log::Trouble trouble_{"agents"};
  Rounds rounds_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_FOLLOWER_H_
