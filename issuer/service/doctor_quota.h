#ifndef NORROY_ISSUER_SERVICE_DOCTOR_QUOTA_H_
#define NORROY_ISSUER_SERVICE_DOCTOR_QUOTA_H_

// How often one principal may rehearse: a rehearsal makes every agent of its names and every
// viewpoint work, and connects to the names' servers. Counted in this process's memory, by the
// monotonic clock: a restart forgets, and each of several issuers counts for itself.

#include <deque>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"

namespace norroy::service {

inline constexpr size_t kMaxRehearsals = 10;
inline constexpr absl::Duration kRehearsalsPer = absl::Hours(1);

// Thread-safe.
class RehearsalQuota {
 public:
  // `clock` outlives this object.
  explicit RehearsalQuota(Clock& clock) : clock_(clock) {}

  // Counts one. RESOURCE_EXHAUSTED, reason REHEARSALS_SPENT with retry_at, if kMaxRehearsals were
  // counted within the last kRehearsalsPer; such a call is not counted.
  absl::Status Take(const std::string& principal);

 private:
  void Prune(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Clock& clock_;
  Mutex mutex_;
  std::map<std::string, std::deque<absl::Duration>> taken_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_DOCTOR_QUOTA_H_
