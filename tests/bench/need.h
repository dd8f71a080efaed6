#ifndef NORROY_TESTS_BENCH_NEED_H_
#define NORROY_TESTS_BENCH_NEED_H_

// A benchmark in which something fails has nothing to say.

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/check.h"

namespace norroy::bench {

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  NORROY_CHECK(value.ok());
  return *std::move(value);
}

// DER, with a new P-256 key.
std::string CsrFor(const std::vector<std::string>& names);

}  // namespace norroy::bench

#endif  // NORROY_TESTS_BENCH_NEED_H_
