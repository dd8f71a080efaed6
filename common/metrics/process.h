#ifndef NORROY_COMMON_METRICS_PROCESS_H_
#define NORROY_COMMON_METRICS_PROCESS_H_

// What Prometheus expects of every process: process_cpu_seconds_total,
// process_resident_memory_bytes, process_open_fds, process_max_fds, process_threads,
// process_start_time_seconds; and norroy_build_info{version}. Linux: read from /proc/self.

#include <string>

#include "absl/time/time.h"
#include "common/metrics/registry.h"

namespace norroy::metrics {

class ProcessMetrics {
 public:
  // `registry` outlives it.
  ProcessMetrics(Registry& registry, const std::string& version, absl::Time start_time);

  // Reads /proc; what cannot be read stays as it was. Not thread-safe.
  void Sample();

 private:
  Counter& cpu_;
  Gauge& memory_;
  Gauge& open_fds_;
  Gauge& max_fds_;
  Gauge& threads_;
  double cpu_seconds_ = 0;
};

}  // namespace norroy::metrics

#endif  // NORROY_COMMON_METRICS_PROCESS_H_
