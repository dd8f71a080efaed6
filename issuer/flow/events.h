#ifndef NORROY_ISSUER_FLOW_EVENTS_H_
#define NORROY_ISSUER_FLOW_EVENTS_H_

// Tells watchers of an order that it changed. Nothing is kept: a watcher reads the order from the
// store first, then listens.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/sync/mutex.h"
#include "issuer/flow/order.h"

namespace norroy::flow {

// Thread-safe. Listeners are called on the thread that publishes, without locks held; they must not
// block. A listener may still be called once just after Unsubscribe returned.
class Events {
 public:
  using Listener = std::function<void(const Order& order)>;
  int64_t Subscribe(const std::string& order_id, Listener listener);
  void Unsubscribe(int64_t id);
  // Of every order that this process changes; before the first Publish, and for good.
  void SubscribeAll(Listener listener);
  void Publish(const Order& order);
  // What another process did: for those who watch the order alone.
  void PassOn(const Order& order);
  // The orders that somebody listens for.
  std::vector<std::string> Watched();

 private:
  Listener all_;
  Mutex mutex_;
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, std::pair<std::string, Listener>> listeners_ ABSL_GUARDED_BY(mutex_);
  std::multimap<std::string, int64_t> by_order_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_EVENTS_H_
