#ifndef NORROY_ISSUER_SOLVER_CALL_REGISTRY_H_
#define NORROY_ISSUER_SOLVER_CALL_REGISTRY_H_

// The asynchronous calls that an object has open, so that it can end without leaving one behind.
// Each call: Begin, make it, Made; its completion ends with End.

#include <cstdint>
#include <functional>
#include <map>

#include "absl/time/time.h"
#include "common/sync/mutex.h"

namespace norroy::solver {

// Thread-safe. Cancellations are called without its lock held.
class CallRegistry {
 public:
  // 0: closed, no call may be made.
  uint64_t Begin();
  // What cancels it; called at once if Cancel came first. The call may have ended already.
  void Made(uint64_t call, std::function<void()> cancel);
  void Cancel(uint64_t call);
  void End(uint64_t call);
  // No further calls begin. Waits `grace` for those that are open, cancels the rest, and returns
  // when all have ended.
  void Close(absl::Duration grace);

 private:
  struct Open {
    std::function<void()> cancel;
    bool cancelled = false;
  };

  Mutex mutex_;
  CondVar ended_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Open> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_CALL_REGISTRY_H_
