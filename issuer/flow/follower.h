#ifndef NORROY_ISSUER_FLOW_FOLLOWER_H_
#define NORROY_ISSUER_FLOW_FOLLOWER_H_

// Tells the watchers of this process what other issuers on the store do with the orders that they
// watch: reads these every half second, while there are any, and publishes what is newer than what
// was seen. What is published twice watchers know by its update_time.

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/rounds.h"
#include "common/log/trouble.h"
#include "issuer/flow/events.h"
#include "issuer/store/store.h"

namespace norroy::flow {

// Thread-safe.
class Follower {
 public:
  static constexpr absl::Duration kEvery = absl::Milliseconds(500);
  static constexpr int kOrdersAtOnce = 100;

  // All outlive this object.
  Follower(store::Store& store, Events& events, Clock& clock)
      : store_(store), events_(events), rounds_(clock, [this] { return Round(); }) {}
  // Stops.
  ~Follower() { Stop(); }

  void Start() { rounds_.Start(kEvery); }
  void Stop() { rounds_.Stop(); }
  // Looks once, on this thread; for tests, instead of Start.
  absl::Status Look();

 private:
  absl::Duration Round();

  store::Store& store_;
  Events& events_;
  // Of the one thread that looks.
  std::map<std::string, absl::Time> seen_;
  log::Trouble trouble_{"order"};
  Rounds rounds_;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_FOLLOWER_H_
