#include "issuer/flow/events.h"

#include <utility>
#include <vector>

namespace norroy::flow {

int64_t Events::Subscribe(const std::string& order_id, Listener listener) {
  MutexLock lock(&mutex_);
  const int64_t id = ++last_id_;
  listeners_.emplace(id, std::make_pair(order_id, std::move(listener)));
  by_order_.emplace(order_id, id);
  return id;
}

void Events::Unsubscribe(int64_t id) {
  MutexLock lock(&mutex_);
  const auto it = listeners_.find(id);
  if (it == listeners_.end()) return;
  auto [begin, end] = by_order_.equal_range(it->second.first);
  for (auto entry = begin; entry != end; ++entry) {
    if (entry->second == id) {
      by_order_.erase(entry);
      break;
    }
  }
  listeners_.erase(it);
}

void Events::SubscribeAll(Listener listener) { all_ = std::move(listener); }

void Events::Publish(const Order& order) {
  if (all_) all_(order);
  PassOn(order);
}

void Events::PassOn(const Order& order) {
  std::vector<Listener> listeners;
  {
    MutexLock lock(&mutex_);
    const auto [begin, end] = by_order_.equal_range(order.id);
    for (auto entry = begin; entry != end; ++entry) {
      listeners.push_back(listeners_.at(entry->second).second);
    }
  }
  for (const Listener& listener : listeners) listener(order);
}

std::vector<std::string> Events::Watched() {
  std::vector<std::string> watched;
  MutexLock lock(&mutex_);
  for (auto it = by_order_.begin(); it != by_order_.end(); it = by_order_.upper_bound(it->first)) {
    watched.push_back(it->first);
  }
  return watched;
}

}  // namespace norroy::flow
