#ifndef NORROY_TESTS_SIM_SIM_H_
#define NORROY_TESTS_SIM_SIM_H_

// What every part of one simulation uses: chance, time, faults, the history, and what is known of
// the orders. Not thread-safe.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "issuer/flow/order.h"
#include "tests/sim/chance.h"
#include "tests/sim/faults.h"
#include "tests/sim/history.h"
#include "tests/sim/scheduler.h"

namespace norroy::sim {

// One life of a process, from its start to its end by kill -9. Whoever holds it sees whether it is
// over: what a dead process would have done does not happen.
struct Life {
  explicit Life(std::string process) : name(std::move(process)) {}
  const std::string name;
  bool dead = false;
  std::vector<Fiber*> fibers;
  // What others notice of its end.
  std::vector<Scheduler::Task> at_death;
};
using LifePtr = std::shared_ptr<Life>;

// A way between two hosts.
struct Wire {
  absl::Duration down_until = absl::ZeroDuration();
};

struct SimOptions {
  uint64_t seed = 0;
  bool trace = false;
};

class Sim {
 public:
  explicit Sim(const SimOptions& options);

  template <typename... Parts>
  void Note(const Parts&... parts) {
    history.Note(scheduler.now(), absl::StrCat(parts...));
  }
  absl::Duration now() { return scheduler.now(); }

  // A fiber of a process. It ends soon after its life: what it asks of a port fails.
  Fiber* Start(const LifePtr& life, Scheduler::Task body);
  // Lets time pass for a fiber of that life; none when it is over.
  void Pause(const Life& life, absl::Duration delay);
  void Pause(const Life& life, absl::Duration low, absl::Duration high);
  // Ends a life. What is left of it on stacks is for Bury.
  void Kill(Life& life, absl::string_view why);
  // Runs the dead life's fibers to their ends. Outside of fibers.
  void Bury(Life& life);

  // "o1" for the first order that is heard of.
  std::string NameOf(const std::string& order_id);
  // As the engine sees it in memory; kQueued for an order that is not known.
  flow::State StateOf(const std::string& order_id) const;
  void SetState(const std::string& order_id, flow::State state);
  // As the store has it from now on.
  void NoteSaved(const std::string& order_id, flow::State state);
  // Since when the store has the order READY or ended; infinite: it is neither.
  absl::Duration AtRestSince(const std::string& order_id) const;
  const std::map<std::string, flow::State>& states() const { return states_; }
  // Called when an order has got into another state.
  std::function<void(const std::string& order_id)> on_state;

  // Whether the fault happens, to this order, in the state that it is in or in one that it was in;
  // to the one that the present fiber works on, in the state that it has it in.
  bool Strikes(Fault fault, const std::string& order_id);
  bool Strikes(Fault fault, const std::string& order_id, flow::State state);
  bool Strikes(Fault fault);
  std::string CurrentOrder();
  // As whoever acts now has the order.
  flow::State StateHere(const std::string& order_id);

  // How long a message is on its way.
  absl::Duration Delay();

  // An invariant does not hold.
  void Violate(absl::string_view invariant, absl::string_view what);
  const std::vector<std::string>& violations() const { return violations_; }

  const SimOptions options;
  Chance chance;
  Scheduler scheduler;
  History history;
  Coverage coverage;
  Faults faults;

 private:
  std::map<std::string, flow::State> states_;
  std::map<std::string, std::pair<flow::State, absl::Duration>> saved_;
  std::map<std::string, std::string> names_;
  std::vector<std::string> violations_;
};

// Time as one host has it: the wall clock may be off.
class HostClock final : public Clock {
 public:
  explicit HostClock(Sim& sim) : sim_(sim) {}
  absl::Time Now() override { return sim_.scheduler.clock().Now() + offset_; }
  absl::Duration Monotonic() override { return sim_.scheduler.now(); }
  void Jump(absl::Duration by) { offset_ += by; }
  void SetRight() { offset_ = absl::ZeroDuration(); }

 private:
  Sim& sim_;
  absl::Duration offset_ = absl::ZeroDuration();
};

// They end with their process.
class LifeTimers final : public Timers {
 public:
  LifeTimers(Sim& sim, LifePtr life) : sim_(sim), life_(std::move(life)) {}
  TimerId After(absl::Duration delay, std::function<void()> task) override {
    return sim_.scheduler.After(delay, [life = life_, task = std::move(task)] {
      if (!life->dead) task();
    });
  }
  bool Cancel(TimerId id) override { return sim_.scheduler.Cancel(id); }

 private:
  Sim& sim_;
  const LifePtr life_;
};

// What everything fails with in a dead process.
absl::Status Dead();

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_SIM_H_
