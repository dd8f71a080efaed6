#ifndef NORROY_TESTS_SIM_CHANCE_H_
#define NORROY_TESTS_SIM_CHANCE_H_

// Everything that a simulation leaves to chance comes from here, so that its seed decides it all.

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace norroy::sim {

class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x632be59bd9b4e019) {}

  // SplitMix64.
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // 0 to n - 1.
  int Below(int n) { return static_cast<int>(Next() % static_cast<uint64_t>(n)); }
  // Both included.
  int From(int low, int high) { return low + Below(high - low + 1); }
  bool OneIn(int n) { return Below(n) == 0; }
  bool With(double probability) {
    return static_cast<double>(Next() >> 11) * 0x1p-53 < probability;
  }
  absl::Duration Between(absl::Duration low, absl::Duration high) {
    const int64_t span = absl::ToInt64Microseconds(high - low) + 1;
    return low + absl::Microseconds(static_cast<int64_t>(Next() % static_cast<uint64_t>(span)));
  }
  template <typename T>
  const T& Of(const std::vector<T>& values) {
    return values[Next() % values.size()];
  }

 private:
  uint64_t state_;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_CHANCE_H_
