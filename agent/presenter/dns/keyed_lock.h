#ifndef NORROY_AGENT_PRESENTER_DNS_KEYED_LOCK_H_
#define NORROY_AGENT_PRESENTER_DNS_KEYED_LOCK_H_

// One holder at a time per key: whoever changes a DNS owner reads, writes and reads back alone,
// while others do the same for other owners.
//
//   KeyedLock locks_;
//   ...
//   const KeyedLock::Hold hold(&locks_, owner.text());

#include <set>
#include <string>
#include <utility>

#include "common/sync/mutex.h"

namespace norroy::agent {

// Thread-safe. Outlives its holds.
class KeyedLock {
 public:
  class Hold {
   public:
    // Waits until nobody else holds `key`.
    Hold(KeyedLock* lock, std::string key) : lock_(lock), key_(std::move(key)) {
      MutexLock mutex_lock(&lock_->mutex_);
      while (!lock_->held_.insert(key_).second) lock_->freed_.Wait(&lock_->mutex_);
    }
    ~Hold() {
      MutexLock mutex_lock(&lock_->mutex_);
      lock_->held_.erase(key_);
      lock_->freed_.SignalAll();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    KeyedLock* const lock_;
    const std::string key_;
  };

 private:
  Mutex mutex_;
  CondVar freed_;
  std::set<std::string> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DNS_KEYED_LOCK_H_
