#ifndef NORROY_AGENT_SESSION_CALL_SLOT_H_
#define NORROY_AGENT_SESSION_CALL_SLOT_H_

// Lets one thread end the call that another waits for.

#include <grpcpp/grpcpp.h>

#include "common/sync/mutex.h"

namespace norroy::agent {

// Thread-safe.
class CallSlot {
 public:
  // For the scope of one call. False from admitted(): no call may begin any more.
  class Use {
   public:
    Use(CallSlot& slot, grpc::ClientContext& context) : slot_(slot) {
      MutexLock lock(&slot_.mutex_);
      if (!slot_.closed_) slot_.context_ = &context;
      admitted_ = !slot_.closed_;
    }
    ~Use() {
      MutexLock lock(&slot_.mutex_);
      slot_.context_ = nullptr;
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    bool admitted() const { return admitted_; }

   private:
    CallSlot& slot_;
    bool admitted_ = false;
  };

  // Cancels the call that runs, and admits none from now on.
  void Close() {
    MutexLock lock(&mutex_);
    closed_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }

 private:
  Mutex mutex_;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_CALL_SLOT_H_
