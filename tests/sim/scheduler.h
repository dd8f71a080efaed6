#ifndef NORROY_TESTS_SIM_SCHEDULER_H_
#define NORROY_TESTS_SIM_SCHEDULER_H_

// Simulated time and simulated threads. A fiber is what a thread is to the product: it has a stack
// of its own and runs until it pauses at a port call; then something else runs, in the order of the
// simulated times that chance gave. One real thread runs it all, so nothing races but what the
// simulation lets race, and a fiber can be held between two port calls for as long as it pleases.
//
//   scheduler.Start([&] { engine.RunDue(); });   // a store write inside calls Pause
//   scheduler.After(absl::Seconds(1), [&] { Kill(); });
//   while (scheduler.RunNext()) {}
//
// A fiber must not pause while it holds a lock that others take: the one real thread would wait for
// itself. Not thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "tests/sim/chance.h"

namespace norroy::sim {

class Fiber;

class Scheduler {
 public:
  using Task = std::function<void()>;

  Scheduler(absl::Time start, Chance& chance);
  ~Scheduler();

  SimulatedClock& clock() { return clock_; }
  absl::Duration now() { return clock_.Monotonic(); }

  // Runs `task`, outside any fiber, `delay` from now.
  uint64_t After(absl::Duration delay, Task task);
  bool Cancel(uint64_t id);

  // A fiber that begins now, after whatever else is due now. It lives until its body has ended.
  Fiber* Start(Task body);
  // The fiber that runs; null outside.
  Fiber* current() { return current_; }
  // Lets time pass for this fiber. Outside a fiber: does nothing.
  void Pause(absl::Duration delay);
  // Until Unpark. Only in a fiber.
  void Park();
  void Unpark(Fiber* fiber);
  // Runs it now until it pauses or ends; not from within a fiber. True: it has ended.
  bool Resume(Fiber* fiber);

  // When the next thing is due; InfiniteDuration: nothing is.
  absl::Duration NextAt() const;
  // Moves the clock there and does it. False: nothing is due.
  bool RunNext();
  // Not beyond NextAt().
  void MoveTo(absl::Duration moment);

  int64_t steps() const { return steps_; }

 private:
  struct Key {
    absl::Duration at;
    uint32_t order;  // of what is due at the same time, as chance has it
    uint64_t id;
    bool operator<(const Key& other) const {
      return std::tie(at, order, id) < std::tie(other.at, other.order, other.id);
    }
  };

  void Switch(Fiber* fiber);

  SimulatedClock clock_;
  Chance& chance_;
  std::map<Key, Task> due_;
  std::map<uint64_t, Key> keys_;
  uint64_t last_id_ = 0;
  int64_t steps_ = 0;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> free_;
  Fiber* current_ = nullptr;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_SCHEDULER_H_
