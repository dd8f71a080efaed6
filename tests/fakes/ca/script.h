#ifndef NORROY_TESTS_FAKES_CA_SCRIPT_H_
#define NORROY_TESTS_FAKES_CA_SCRIPT_H_

// Which fault meets which request. First what was queued for the next requests, in its order; then
// the rules, the newest first. Not thread-safe.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "tests/fakes/ca/fault.h"

namespace norroy::fakes {

class Script {
 public:
  explicit Script(uint64_t seed) : random_(static_cast<unsigned>(seed)) {}

  void Queue(Endpoint endpoint, const Fault& fault) { queues_[endpoint].push_back(fault); }
  void Add(Endpoint endpoint, const Calls& calls, const Fault& fault) {
    rules_.push_back({endpoint, calls, fault});
  }
  void Clear(Endpoint endpoint);
  // Of the request that comes now.
  std::optional<Fault> Next(Endpoint endpoint);

 private:
  struct Rule {
    Endpoint endpoint;
    Calls calls;
    Fault fault;
    int seen = 0;
    int used = 0;
  };
  bool Applies(Rule& rule);

  std::minstd_rand random_;
  std::map<Endpoint, std::deque<Fault>> queues_;
  std::vector<Rule> rules_;
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_SCRIPT_H_
