#ifndef NORROY_COMMON_RPC_CALLER_LIMITS_H_
#define NORROY_COMMON_RPC_CALLER_LIMITS_H_

// What one identity may take up of a process, so that another's calls always get in: calls a
// second (a token bucket), calls under way, and of the handlers' pool at most half of the threads
// at once. Who asks for more waits or is told CALLER_BUSY and when to try again.
//
//   NORROY_RETURN_IF_ERROR(limits.Count(uri));            // every call, before all else
//   NORROY_ASSIGN_OR_RETURN(auto place, limits.Begin(uri));  // under way while `place` lives
//   if (!limits.Run(pool, place, task)) ...               // on the pool, in its turn
//
// Identities are told apart by the URI of their certificate. An issuer, which speaks to the
// validator for all its callers, has limits of its own. Thread-safe; outlives its places and the
// pool's tasks. Nothing of gRPC.

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "common/sync/thread_pool.h"

namespace norroy::rpc {

struct CallerLimit {
  int calls_per_second = 50;
  int burst = 200;
  int calls_at_once = 64;
};

// Of an issuer, at least this.
inline constexpr CallerLimit kIssuerLimit = {2000, 8000, 1000};

struct CallerLimitsOptions {
  CallerLimit each;
  CallerLimit issuer = kIssuerLimit;
  // Of the pool that Run is given.
  int threads = 32;
  int max_waiting = 1024;
  // How many identities without a call under way are remembered, the latest ones. One that is
  // forgotten begins anew: with this many others in between, that is no gain.
  size_t max_idle_identities = 4096;
};

class CallerLimits {
 private:
  struct Bucket;

 public:
  // A call under way.
  class Place {
   public:
    Place(CallerLimits& limits, std::shared_ptr<Bucket> bucket);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class CallerLimits;
    CallerLimits& limits_;
    const std::shared_ptr<Bucket> bucket_;
  };

  // `clock` outlives this.
  CallerLimits(Clock& clock, const CallerLimitsOptions& options);

  // RESOURCE_EXHAUSTED, reason CALLER_BUSY, metadata retry_after_ms: too many calls in a short
  // time.
  absl::Status Count(const std::string& uri);
  // The same, and too many calls under way.
  absl::StatusOr<std::shared_ptr<Place>> Begin(const std::string& uri);
  // False: the pool, or this caller's half of it, is full; the task was not taken. Tasks do not
  // throw.
  [[nodiscard]] bool Run(ThreadPool& pool, const std::shared_ptr<Place>& place,
                         std::function<void()> task);

  // How many identities are remembered.
  size_t size();

 private:
  struct Bucket {
    std::string uri;
    CallerLimit limit;
    double tokens = 0;
    absl::Duration filled;  // when, by the monotonic clock
    int under_way = 0;
    int on_pool = 0;
    std::deque<std::function<void()>> waiting;  // for a thread of this caller's half
    std::list<std::string>::iterator idle;      // while none is under way
  };

  std::shared_ptr<Bucket> Find(const std::string& uri) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Touch(Bucket& bucket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(Bucket& bucket);
  // Runs `task`, then sees to the next that waits.
  void Work(ThreadPool& pool, const std::shared_ptr<Bucket>& bucket, std::function<void()> task);

  Clock& clock_;
  const CallerLimitsOptions options_;
  const int max_on_pool_;
  const size_t max_waiting_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Bucket>> buckets_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> idle_ ABSL_GUARDED_BY(mutex_);  // the longest idle first
};

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_CALLER_LIMITS_H_
