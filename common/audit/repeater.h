#ifndef NORROY_COMMON_AUDIT_REPEATER_H_
#define NORROY_COMMON_AUDIT_REPEATER_H_

// Calls something again and again, until it is stopped. Thread-safe.

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "common/clock/timers.h"

namespace norroy::audit {

class Repeater {
 public:
  // `timers` outlive this. `task` runs on their thread: it must not block.
  Repeater(Timers& timers, absl::Duration every, std::function<void()> task);
  ~Repeater() { Stop(); }
  Repeater(const Repeater&) = delete;
  Repeater& operator=(const Repeater&) = delete;

  // No call runs when this returns, and none comes. Not from inside the task.
  void Stop();

 private:
  struct State;
  static void Arm(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
};

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_REPEATER_H_
