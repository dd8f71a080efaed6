#ifndef NORROY_ISSUER_SERVICE_POLICY_DENIALS_H_
#define NORROY_ISSUER_SERVICE_POLICY_DENIALS_H_

// What the policy refused, in the audit log: who asked, for what, by which version, and why.
// Bounded, so that nobody fills the log by asking: kMaxDenialsPerMinute of one principal are
// written, the others are counted and told with the next that is.

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/caller.h"
#include "common/sync/mutex.h"
#include "issuer/store/store.h"

namespace norroy::service {

inline constexpr int kMaxDenialsPerMinute = 10;
// Principals that are remembered at once; of more than that, nothing is written until some have
// been silent for a minute.
inline constexpr size_t kMaxDeniedPrincipals = 10'000;

// Thread-safe.
class Denials {
 public:
  // Both outlive this object.
  Denials(store::Store& store, Clock& clock) : store_(store), clock_(clock) {}

  // Writes `why` with outcome "denied" if it is a refusal of policy (PERMISSION_DENIED, or a quota
  // that is spent); other errors and OK are none of its business.
  void Note(const rpc::Caller& caller, absl::string_view action, const std::string& object,
            const absl::Status& why, const std::string& request_id = "");

 private:
  struct Minute {
    absl::Duration begin;
    int written = 0;
    int64_t left_out = 0;
  };
  // True: this one is to be written; `left_out`: how many were not since the last that was.
  bool Admit(const std::string& principal, int64_t& left_out);

  store::Store& store_;
  Clock& clock_;
  Mutex mutex_;
  std::map<std::string, Minute> minutes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_POLICY_DENIALS_H_
