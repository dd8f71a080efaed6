#ifndef NORROY_AGENT_PRESENTER_DNS_OWNER_TURNS_H_
#define NORROY_AGENT_PRESENTER_DNS_OWNER_TURNS_H_

// One change of a DNS owner at a time, and not too many changes at once: whoever changes an owner
// reads, writes and reads back alone. Nobody waits for ever.
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
template <typename Key>
class Turns {
 public:
  explicit Turns(int at_once) : free_(at_once) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // False: the time passed.
  bool Take(const Key& key, absl::Duration timeout) {
    const absl::Duration end = clock_.Monotonic() + timeout;
    MutexLock lock(&mutex_);
    while (free_ == 0 || busy_.count(key) != 0) {
      const absl::Duration left = end - clock_.Monotonic();
      if (left <= absl::ZeroDuration()) return false;
      changed_.WaitFor(&mutex_, left);
    }
    --free_;
    busy_.insert(key);
    return true;
  }

  void Give(const Key& key) {
    MutexLock lock(&mutex_);
    ++free_;
    busy_.erase(key);
    changed_.SignalAll();
  }

 private:
  SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;
  int free_ ABSL_GUARDED_BY(mutex_);
  std::set<Key> busy_ ABSL_GUARDED_BY(mutex_);
};

// Holds a turn until it goes out of scope.
template <typename Key>
class Turn {
 public:
  Turn(Turns<Key>& turns, const Key& key, absl::Duration timeout)
      : turns_(turns), key_(key), taken_(turns.Take(key, timeout)) {}
  ~Turn() {
    if (taken_) turns_.Give(key_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool taken() const { return taken_; }

 private:
  Turns<Key>& turns_;
  const Key key_;
  const bool taken_;
};

using OwnerTurns = Turns<dns::Name>;
using OwnerTurn = Turn<dns::Name>;

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DNS_OWNER_TURNS_H_
