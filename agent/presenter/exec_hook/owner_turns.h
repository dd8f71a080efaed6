#ifndef NORROY_AGENT_PRESENTER_EXEC_HOOK_OWNER_TURNS_H_
#define NORROY_AGENT_PRESENTER_EXEC_HOOK_OWNER_TURNS_H_

// One change of a DNS owner at a time, and not too many changes at once, for writers that cannot
// rely on their server for that.
//
//   const OwnerTurn turn(turns, owner, absl::Seconds(20));
//   if (!turn.taken()) return ...;

#include <set>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/dns/name.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

// Thread-safe. Who comes first is not promised to be first.
class OwnerTurns {
 public:
  explicit OwnerTurns(int at_once) : free_(at_once) {}
  OwnerTurns(const OwnerTurns&) = delete;
  OwnerTurns& operator=(const OwnerTurns&) = delete;

  // False: the time passed.
  bool Take(const dns::Name& owner, absl::Duration timeout) {
    const absl::Duration end = clock_.Monotonic() + timeout;
    MutexLock lock(&mutex_);
    while (free_ == 0 || busy_.count(owner) != 0) {
      const absl::Duration left = end - clock_.Monotonic();
      if (left <= absl::ZeroDuration()) return false;
      changed_.WaitFor(&mutex_, left);
    }
    --free_;
    busy_.insert(owner);
    return true;
  }

  void Give(const dns::Name& owner) {
    MutexLock lock(&mutex_);
    ++free_;
    busy_.erase(owner);
    changed_.SignalAll();
  }

 private:
  SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;
  int free_ ABSL_GUARDED_BY(mutex_);
  std::set<dns::Name> busy_ ABSL_GUARDED_BY(mutex_);
};

// Holds a turn until it goes out of scope.
class OwnerTurn {
 public:
  OwnerTurn(OwnerTurns& turns, const dns::Name& owner, absl::Duration timeout)
      : turns_(turns), owner_(owner), taken_(turns.Take(owner, timeout)) {}
  ~OwnerTurn() {
    if (taken_) turns_.Give(owner_);
  }
  OwnerTurn(const OwnerTurn&) = delete;
  OwnerTurn& operator=(const OwnerTurn&) = delete;
  bool taken() const { return taken_; }

 private:
  OwnerTurns& turns_;
  const dns::Name owner_;
  const bool taken_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_EXEC_HOOK_OWNER_TURNS_H_
