#include "agent/session/lanes.h"

#include <utility>

#include "common/clock/clock.h"

namespace norroy::agent {

Lanes::~Lanes() { Close(); }

void Lanes::Close() {
  // Destroyed when the lock is free.
  std::map<std::string, std::deque<std::unique_ptr<Job>>> lanes;
  std::deque<RunningPtr> urgent, background;
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mutex_);
    closed_ = true;
    lanes.swap(lanes_);
    urgent.swap(urgent_);
    background.swap(background_);
    threads.swap(threads_);
    work_.SignalAll();
    idle_.SignalAll();
  }
  for (std::thread& thread : threads) thread.join();
}

int Lanes::size() {
  MutexLock lock(&mutex_);
  return size_;
}

bool Lanes::WaitUntilIdle(absl::Duration timeout) {
  SystemClock clock;
  const absl::Duration until = clock.Monotonic() + timeout;
  MutexLock lock(&mutex_);
  while (size_ > 0 && !closed_) {
    const absl::Duration left = until - clock.Monotonic();
    if (left <= absl::ZeroDuration()) return false;
    idle_.WaitFor(&mutex_, left);
  }
  return size_ == 0;
}

void Lanes::Add(const std::string& lane, std::unique_ptr<Job> job) {
  {
    MutexLock lock(&mutex_);
    if (closed_) return;
    ++size_;
    const auto [at, is_free] = lanes_.try_emplace(lane);
    if (!is_free) {
      at->second.push_back(std::move(job));
      return;
    }
  }
  auto running = std::make_shared<Running>();
  running->lane = lane;
  running->job = std::move(job);
  Advance(std::move(running));
}

void Lanes::Advance(RunningPtr running) {
  while (running != nullptr) {
    {
      MutexLock lock(&mutex_);
      if (closed_) return;
    }
    std::vector<Step> steps = running->job->Next();
    if (steps.empty()) {
      running = Over(running);
      continue;
    }
    std::vector<Step> at_once;
    for (auto step = steps.begin(); step != steps.end();) {
      if (!step->may_wait) at_once.push_back(std::move(*step));
      step = step->may_wait ? step + 1 : steps.erase(step);
    }
    for (const Step& step : at_once) step.run();
    if (HandOut(running, std::move(steps))) return;
  }
}

bool Lanes::HandOut(const RunningPtr& running, std::vector<Step> steps) {
  if (steps.empty()) return false;
  const int wanted = static_cast<int>(steps.size());
  MutexLock lock(&mutex_);
  if (closed_) return true;
  running->unfinished = steps.size();
  for (Step& step : steps) running->waiting.push_back(std::move(step.run));
  (running->job->background() ? background_ : urgent_).push_back(running);
  for (int i = sleeping_; i < wanted && threads_.size() < kMaxLaneThreads; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
  work_.SignalAll();
  return true;
}

Lanes::RunningPtr Lanes::Over(const RunningPtr& running) {
  // Nobody needs it any more; what it holds may be much.
  running->job.reset();
  MutexLock lock(&mutex_);
  if (closed_) return nullptr;
  if (--size_ == 0) idle_.SignalAll();
  const auto at = lanes_.find(running->lane);
  if (at->second.empty()) {
    lanes_.erase(at);
    return nullptr;
  }
  auto next = std::make_shared<Running>();
  next->lane = running->lane;
  next->job = std::move(at->second.front());
  at->second.pop_front();
  return next;
}

Lanes::RunningPtr Lanes::Take() {
  const bool urgent = !urgent_.empty();
  if (!urgent && (background_.empty() || running_background_ >= kMaxBackgroundThreads)) {
    return nullptr;
  }
  std::deque<RunningPtr>& queue = urgent ? urgent_ : background_;
  RunningPtr running = std::move(queue.front());
  queue.pop_front();
  if (!urgent) ++running_background_;
  return running;
}

void Lanes::Work() {
  while (true) {
    RunningPtr running;
    std::function<void()> step;
    bool background = false;
    {
      MutexLock lock(&mutex_);
      while (!closed_ && (running = Take()) == nullptr) {
        ++sleeping_;
        work_.Wait(&mutex_);
        --sleeping_;
      }
      if (closed_) return;
      background = running->job->background();
      step = std::move(running->waiting.front());
      running->waiting.pop_front();
      if (!running->waiting.empty()) (background ? background_ : urgent_).push_back(running);
    }
    step();
    step = nullptr;
    bool last = false;
    {
      MutexLock lock(&mutex_);
      if (background && --running_background_ < kMaxBackgroundThreads) work_.Signal();
      last = --running->unfinished == 0;
    }
    if (last) Advance(std::move(running));
  }
}

}  // namespace norroy::agent
