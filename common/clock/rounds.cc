#include "common/clock/rounds.h"

namespace norroy {

void Rounds::Start(absl::Duration first) {
  thread_ = std::thread([this, first] { Work(first); });
}

void Rounds::Wake() {
  {
    MutexLock lock(&mutex_);
    woken_ = true;
  }
  changed_.Signal();
}

void Rounds::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  if (thread_.joinable()) thread_.join();
}

bool Rounds::stopping() {
  MutexLock lock(&mutex_);
  return stopping_;
}

void Rounds::Work(absl::Duration wait) {
  while (true) {
    {
      MutexLock lock(&mutex_);
      const absl::Duration until = clock_.Monotonic() + wait;
      while (!stopping_ && !woken_ && clock_.Monotonic() < until) {
        changed_.WaitFor(&mutex_, until - clock_.Monotonic());
      }
      if (stopping_) return;
      woken_ = false;
    }
    wait = round_();
  }
}

}  // namespace norroy
