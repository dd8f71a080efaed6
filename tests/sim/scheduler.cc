#include "tests/sim/scheduler.h"

#include <algorithm>

#include "common/check.h"
#include "tests/sim/fiber.h"

namespace norroy::sim {

Scheduler::Scheduler(absl::Time start, Chance& chance) : clock_(start), chance_(chance) {}

// Every fiber has ended: what lies on a stack that is never left again would leak.
Scheduler::~Scheduler() { NORROY_CHECK(free_.size() == fibers_.size()); }

uint64_t Scheduler::After(absl::Duration delay, Task task) {
  const Key key = {now() + std::max(delay, absl::ZeroDuration()),
                   static_cast<uint32_t>(chance_.Next()), ++last_id_};
  due_.emplace(key, std::move(task));
  keys_.emplace(key.id, key);
  return key.id;
}

bool Scheduler::Cancel(uint64_t id) {
  const auto key = keys_.find(id);
  if (key == keys_.end()) return false;
  due_.erase(key->second);
  keys_.erase(key);
  return true;
}

Fiber* Scheduler::Start(Task body) {
  if (free_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>());
    free_.push_back(fibers_.back().get());
  }
  Fiber* const fiber = free_.back();
  free_.pop_back();
  fiber->Begin(std::move(body));
  const uint64_t turn = ++fiber->turn;
  After(absl::ZeroDuration(), [this, fiber, turn] {
    if (fiber->turn == turn) Switch(fiber);
  });
  return fiber;
}

void Scheduler::Switch(Fiber* fiber) {
  NORROY_CHECK(current_ == nullptr && !fiber->over());
  // Whatever else would let it go on comes too late.
  ++fiber->turn;
  fiber->parked = false;
  current_ = fiber;
  fiber->Enter();
  current_ = nullptr;
  if (fiber->over()) free_.push_back(fiber);
}

void Scheduler::Pause(absl::Duration delay) {
  Fiber* const fiber = current_;
  if (fiber == nullptr) return;
  const uint64_t turn = ++fiber->turn;
  After(delay, [this, fiber, turn] {
    if (fiber->turn == turn) Switch(fiber);
  });
  fiber->Leave();
}

void Scheduler::Park() {
  NORROY_CHECK(current_ != nullptr);
  current_->parked = true;
  current_->Leave();
}

void Scheduler::Unpark(Fiber* fiber) {
  if (!fiber->parked) return;
  fiber->parked = false;
  const uint64_t turn = ++fiber->turn;
  After(absl::ZeroDuration(), [this, fiber, turn] {
    if (fiber->turn == turn) Switch(fiber);
  });
}

bool Scheduler::Resume(Fiber* fiber) {
  Switch(fiber);
  return fiber->over();
}

absl::Duration Scheduler::NextAt() const {
  return due_.empty() ? absl::InfiniteDuration() : due_.begin()->first.at;
}

void Scheduler::MoveTo(absl::Duration moment) {
  clock_.Advance(std::max(moment - now(), absl::ZeroDuration()));
}

bool Scheduler::RunNext() {
  if (due_.empty()) return false;
  const Key key = due_.begin()->first;
  const Task task = std::move(due_.begin()->second);
  due_.erase(due_.begin());
  keys_.erase(key.id);
  MoveTo(key.at);
  ++steps_;
  task();
  return true;
}

}  // namespace norroy::sim
