#include "common/clock/timers.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace norroy {
namespace {

using DueTasks = std::map<std::pair<absl::Duration, TimerId>, std::function<void()>>;

bool Erase(DueTasks& due, TimerId id) {
  const auto it = std::find_if(due.begin(), due.end(),
                               [id](const auto& entry) { return entry.first.second == id; });
  if (it == due.end()) return false;
  due.erase(it);
  return true;
}

}  // namespace

ThreadTimers::ThreadTimers() : thread_([this] { Work(); }) {}

ThreadTimers::~ThreadTimers() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  thread_.join();
}

TimerId ThreadTimers::After(absl::Duration delay, std::function<void()> task) {
  const absl::Duration due = clock_.Monotonic() + delay;
  TimerId id;
  {
    MutexLock lock(&mutex_);
    id = ++last_id_;
    due_.emplace(std::make_pair(due, id), std::move(task));
  }
  changed_.Signal();
  return id;
}

bool ThreadTimers::Cancel(TimerId id) {
  MutexLock lock(&mutex_);
  return Erase(due_, id);
}

void ThreadTimers::Work() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(&mutex_);
      while (!stopping_) {
        if (due_.empty()) {
          changed_.Wait(&mutex_);
          continue;
        }
        const absl::Duration wait = due_.begin()->first.first - clock_.Monotonic();
        if (wait <= absl::ZeroDuration()) break;
        changed_.WaitFor(&mutex_, wait);
      }
      if (stopping_) return;
      task = std::move(due_.begin()->second);
      due_.erase(due_.begin());
    }
    task();
  }
}

TimerId SimulatedTimers::After(absl::Duration delay, std::function<void()> task) {
  const absl::Duration due = clock_.Monotonic() + delay;
  MutexLock lock(&mutex_);
  const TimerId id = ++last_id_;
  due_.emplace(std::make_pair(due, id), std::move(task));
  return id;
}

bool SimulatedTimers::Cancel(TimerId id) {
  MutexLock lock(&mutex_);
  return Erase(due_, id);
}

void SimulatedTimers::Advance(absl::Duration by) {
  const absl::Duration end = clock_.Monotonic() + by;
  while (true) {
    std::function<void()> task;
    absl::Duration due;
    {
      MutexLock lock(&mutex_);
      if (due_.empty() || due_.begin()->first.first > end) break;
      due = due_.begin()->first.first;
      task = std::move(due_.begin()->second);
      due_.erase(due_.begin());
    }
    clock_.Advance(std::max(absl::ZeroDuration(), due - clock_.Monotonic()));
    task();
  }
  clock_.Advance(std::max(absl::ZeroDuration(), end - clock_.Monotonic()));
}

}  // namespace norroy
