#include "issuer/service/doctor_quota.h"

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::service {

absl::Status RehearsalQuota::Take(const std::string& principal) {
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(&mutex_);
  Prune(now);
  std::deque<absl::Duration>& taken = taken_[principal];
  if (taken.size() < kMaxRehearsals) {
    taken.push_back(now);
    return absl::OkStatus();
  }
  const absl::Time retry_at = clock_.Now() + (taken.front() + kRehearsalsPer - now);
  return MakeError(absl::StatusCode::kResourceExhausted, "REHEARSALS_SPENT",
                   absl::StrCat(principal, " has used its ", kMaxRehearsals,
                                " rehearsals of this hour; several names fit into one"),
                   // A whole second later: cut to seconds it would be too early.
                   {{"retry_at", absl::FormatTime(absl::RFC3339_sec, retry_at + absl::Seconds(1),
                                                  absl::UTCTimeZone())}});
}

void RehearsalQuota::Prune(absl::Duration now) {
  for (auto it = taken_.begin(); it != taken_.end();) {
    std::deque<absl::Duration>& taken = it->second;
    while (!taken.empty() && taken.front() + kRehearsalsPer <= now) taken.pop_front();
    it = taken.empty() ? taken_.erase(it) : std::next(it);
  }
}

}  // namespace norroy::service
