#ifndef NORROY_VALIDATOR_PRESENTATION_WAITERS_H_
#define NORROY_VALIDATOR_PRESENTATION_WAITERS_H_

// The held answers of Present: who waits for which presentation to change. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "validator/presentation/coordinator.h"

namespace norroy::validator {

struct Waiter {
  int64_t known_revision = 0;
  Coordinator::PresentDone done;
};

class Waiters {
 public:
  using Key = std::pair<std::string, int64_t>;

  Key Add(const std::string& presentation_id, Waiter waiter);
  // Those of one presentation that `wanted` picks; they are gone from here then.
  std::vector<Waiter> Take(const std::string& presentation_id,
                           const std::function<bool(const Waiter&)>& wanted);
  std::optional<Waiter> Take(const Key& key);
  std::vector<Waiter> TakeAll();
  size_t size() const { return waiters_.size(); }

 private:
  std::map<Key, Waiter> waiters_;
  int64_t last_number_ = 0;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_PRESENTATION_WAITERS_H_
