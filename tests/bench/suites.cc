#include "tests/bench/suites.h"

namespace norroy::bench {

const std::vector<Suite>& Suites() {
  static const auto* const suites = new std::vector<Suite>{
      {"cold", "one name over an open channel, beside the floor", Cold},
      {"cli", "the same with `norroy issue`", Cli},
      {"san", "one order with 20 and with 100 names", San},
      {"warm", "one name that the CA holds valid", Warm},
      {"throughput", "64 orders at a time", Throughput},
      {"politeness", "what a CA is asked that answers Retry-After", Politeness},
      {"agent", "what an agent occupies", Agent},
  };
  return *suites;
}

}  // namespace norroy::bench
