#include "issuer/solver/call_registry.h"

#include <utility>
#include <vector>

namespace norroy::solver {

uint64_t CallRegistry::Begin() {
  MutexLock lock(&mutex_);
  if (closed_) return 0;
  open_[++last_];
  return last_;
}

void CallRegistry::Made(uint64_t call, std::function<void()> cancel) {
  {
    MutexLock lock(&mutex_);
    const auto it = open_.find(call);
    if (it == open_.end()) return;
    it->second.cancel = cancel;
    if (!it->second.cancelled) return;
  }
  cancel();
}

void CallRegistry::Cancel(uint64_t call) {
  std::function<void()> cancel;
  {
    MutexLock lock(&mutex_);
    const auto it = open_.find(call);
    if (it == open_.end()) return;
    it->second.cancelled = true;
    cancel = it->second.cancel;
  }
  if (cancel) cancel();
}

void CallRegistry::End(uint64_t call) {
  MutexLock lock(&mutex_);
  open_.erase(call);
  ended_.SignalAll();
}

void CallRegistry::Close(absl::Duration grace) {
  std::vector<std::function<void()>> cancels;
  {
    MutexLock lock(&mutex_);
    closed_ = true;
    // A wait that is cut short by another call's end may begin again: at most `grace` each.
    while (!open_.empty() && grace > absl::ZeroDuration() && ended_.WaitFor(&mutex_, grace)) {
    }
    for (auto& [call, open] : open_) {
      open.cancelled = true;
      if (open.cancel) cancels.push_back(open.cancel);
    }
  }
  for (const auto& cancel : cancels) cancel();
  MutexLock lock(&mutex_);
  while (!open_.empty()) ended_.Wait(&mutex_);
}

}  // namespace norroy::solver
