#include "validator/presentation/waiters.h"

namespace norroy::validator {

Waiters::Key Waiters::Add(const std::string& presentation_id, Waiter waiter) {
  Key key = {presentation_id, ++last_number_};
  waiters_.emplace(key, std::move(waiter));
  return key;
}

std::vector<Waiter> Waiters::Take(const std::string& presentation_id,
                                  const std::function<bool(const Waiter&)>& wanted) {
  std::vector<Waiter> taken;
  auto it = waiters_.lower_bound({presentation_id, 0});
  while (it != waiters_.end() && it->first.first == presentation_id) {
    if (!wanted(it->second)) {
      ++it;
      continue;
    }
    taken.push_back(std::move(it->second));
    it = waiters_.erase(it);
  }
  return taken;
}

std::optional<Waiter> Waiters::Take(const Key& key) {
  auto node = waiters_.extract(key);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

std::vector<Waiter> Waiters::TakeAll() {
  std::vector<Waiter> taken;
  for (auto& [key, waiter] : waiters_) taken.push_back(std::move(waiter));
  waiters_.clear();
  return taken;
}

}  // namespace norroy::validator
