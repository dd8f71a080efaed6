#ifndef NORROY_VALIDATOR_PREFLIGHT_PREFLIGHT_H_
#define NORROY_VALIDATOR_PREFLIGHT_PREFLIGHT_H_

// A validator looking at proofs as the CA will (norroy.validator.v1.PreflightService). It connects
// to strangers' servers, so it is bounded in every way: one look per name and type in flight, at
// most 64 at once, each ended within 12 s, a whole call within 15 s; only public addresses, or
// those that are allowed, only on the ports that the CA uses. What it could not begin is WAIT,
// VIEWPOINT_BUSY: its load says nothing about a proof. What it began and could not end is UNKNOWN,
// LOOK_TIMED_OUT.

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/dns/client.h"
#include "common/sync/mutex.h"
#include "common/sync/thread_pool.h"
#include "norroy/validator/v1/preflight_service.pb.h"
#include "validator/preflight/address_guard.h"
#include "validator/preflight/crew.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

inline constexpr int kMaxLooks = 64;
inline constexpr int kMaxProofs = 100;
inline constexpr absl::Duration kLookTimeout = absl::Seconds(12);
inline constexpr absl::Duration kCallTimeout = absl::Milliseconds(14'500);
// Nothing is begun with less time left than this: it would be cut short.
inline constexpr absl::Duration kLeastTime = absl::Seconds(2);
// When to ask a validator again that could not begin.
inline constexpr absl::Duration kLookAgainForBusy = absl::Seconds(2);
// Calls that wait for their turn at one name and type, each with another proof.
inline constexpr size_t kMaxTurns = 8;

struct PreflightOptions {
  std::string viewpoint;                // the validator's name
  std::vector<dns::Server> resolvers;   // empty: none is known, names cannot be looked at
  std::vector<Network> allow_networks;  // dns.allow_networks
  Ports ports;
};

// Thread-safe.
class Preflight {
 public:
  // These outlive it.
  struct Dependencies {
    dns::Client& client;
    Clock& clock;  // for what is shown and what expires; sockets have the machine's
    Timers& timers;
  };
  using LookDone = std::function<void(absl::StatusOr<v1::LookResponse>)>;
  using LookPersistDone = std::function<void(absl::StatusOr<v1::LookPersistResponse>)>;

  Preflight(const Dependencies& dependencies, PreflightOptions options);
  // Stops looks under way; what they have not found by then is UNKNOWN, LOOK_TIMED_OUT.
  ~Preflight();

  // Answers by `done`, once, from any thread; INVALID_ARGUMENT, reason BAD_LOOK, for what cannot be
  // looked at.
  void Look(const v1::LookRequest& request, LookDone done);
  void LookPersist(const v1::LookPersistRequest& request, LookPersistDone done);

 private:
  using SightDone = std::function<void(const Sight&)>;
  using Task = std::function<Sight(const Viewpoint&, const Deadline&)>;
  using Begun = std::shared_ptr<std::atomic<bool>>;  // whether a look has begun
  // One look, and those who wait for it.
  struct Flight {
    std::string content;  // what distinguishes it from others at its key
    Task task;
    absl::Duration ends;  // by the machine's monotonic clock
    std::vector<SightDone> waiting;
    Begun begun;
  };

  // Joins the look of the same key and content, or queues one.
  Begun Ask(const std::string& key, const std::string& content, Task task, SightDone done);
  // The first flight of the key, on the pool.
  void Start(const std::string& key);
  void Run(const std::string& key);
  void Finish(const std::string& key, const Sight& sight);
  types::v1::View ToView(const Sight& sight);

  const Dependencies dependencies_;
  const PreflightOptions options_;
  const AddressGuard guard_;
  SystemClock sockets_;  // real time: other people's servers know no other
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  // By name and type; the first of each runs.
  std::map<std::string, std::deque<Flight>> flights_ ABSL_GUARDED_BY(mutex_);
  // Last: they join their threads first.
  Crew crew_;
  ThreadPool looks_;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_PREFLIGHT_H_
