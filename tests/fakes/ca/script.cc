#include "tests/fakes/ca/script.h"

#include <algorithm>

namespace norroy::fakes {

void Script::Clear(Endpoint endpoint) {
  queues_[endpoint].clear();
  rules_.erase(std::remove_if(rules_.begin(), rules_.end(),
                              [=](const Rule& rule) { return rule.endpoint == endpoint; }),
               rules_.end());
}

bool Script::Applies(Rule& rule) {
  const int since = ++rule.seen - rule.calls.first;
  const bool over = rule.calls.times > 0 && rule.used >= rule.calls.times;
  if (since < 0 || since % rule.calls.every != 0 || over) return false;
  if (rule.calls.percent < 100 && static_cast<int>(random_() % 100) >= rule.calls.percent)
    return false;
  ++rule.used;
  return true;
}

std::optional<Fault> Script::Next(Endpoint endpoint) {
  std::optional<Fault> fault;
  // Every rule counts every request, also those that another one answers.
  for (Rule& rule : rules_) {
    if (rule.endpoint == endpoint && Applies(rule)) fault = rule.fault;
  }
  std::deque<Fault>& queue = queues_[endpoint];
  if (queue.empty()) return fault;
  fault = std::move(queue.front());
  queue.pop_front();
  return fault;
}

}  // namespace norroy::fakes
