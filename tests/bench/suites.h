#ifndef NORROY_TESTS_BENCH_SUITES_H_
#define NORROY_TESTS_BENCH_SUITES_H_

// What can be measured. Each suite starts what it needs, and adds its rows to the report.

#include <string>
#include <vector>

#include "tests/bench/report.h"

namespace norroy::bench {

struct Size {
  bool small = false;  // as little as shows that it works
  bool peers = false;  // other clients, too, where they are installed

  int Of(int small_size, int full) const { return small ? small_size : full; }
};

struct Suite {
  std::string name;
  std::string what;  // for people
  void (*run)(const Size& size, Report& report);
};

const std::vector<Suite>& Suites();

void Cold(const Size& size, Report& report);
void Cli(const Size& size, Report& report);
void San(const Size& size, Report& report);
void Warm(const Size& size, Report& report);
void Throughput(const Size& size, Report& report);
void Politeness(const Size& size, Report& report);
void Agent(const Size& size, Report& report);

}  // namespace norroy::bench

#endif  // NORROY_TESTS_BENCH_SUITES_H_
