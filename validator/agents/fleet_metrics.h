#ifndef NORROY_VALIDATOR_AGENTS_FLEET_METRICS_H_
#define NORROY_VALIDATOR_AGENTS_FLEET_METRICS_H_

// The fleet in numbers, and what its agents have counted. docs/monitoring.md lists the names.

#include "common/clock/clock.h"
#include "common/metrics/registry.h"
#include "validator/agents/registry.h"

namespace norroy::validator {

// Not thread-safe. `registry` outlives it.
class FleetMetrics {
 public:
  explicit FleetMetrics(metrics::Registry& registry);

  void Sample(Registry& fleet, absl::Time now);

 private:
  metrics::Gauge& agents_;
  metrics::Gauge& last_seen_;
  metrics::Gauge& clock_offset_;
  metrics::Gauge& identity_end_;
  metrics::Gauge& proofs_;
  metrics::Gauge& info_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_FLEET_METRICS_H_
