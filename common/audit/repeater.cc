#include "common/audit/repeater.h"

#include <utility>

#include "common/sync/mutex.h"

namespace norroy::audit {

struct Repeater::State {
  Timers& timers;
  const absl::Duration every;
  const std::function<void()> task;
  // Held while the task runs: whoever stops waits for it.
  Mutex mutex;
  bool stopped ABSL_GUARDED_BY(mutex) = false;
  TimerId next ABSL_GUARDED_BY(mutex) = 0;

  State(Timers& t, absl::Duration e, std::function<void()> f)
      : timers(t), every(e), task(std::move(f)) {}
};

Repeater::Repeater(Timers& timers, absl::Duration every, std::function<void()> task)
    : state_(std::make_shared<State>(timers, every, std::move(task))) {
  Arm(state_);
}

void Repeater::Stop() {
  MutexLock lock(&state_->mutex);
  state_->stopped = true;
  state_->timers.Cancel(state_->next);
}

void Repeater::Arm(const std::shared_ptr<State>& state) {
  MutexLock lock(&state->mutex);
  if (state->stopped) return;
  state->next = state->timers.After(state->every, [state] {
    {
      MutexLock lock(&state->mutex);
      if (state->stopped) return;
      state->task();
    }
    Arm(state);
  });
}

}  // namespace norroy::audit
