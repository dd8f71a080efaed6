#ifndef NORROY_COMMON_DIAGNOSTICS_DIAGNOSTICS_H_
#define NORROY_COMMON_DIAGNOSTICS_DIAGNOSTICS_H_

// What may be asked of a daemon without an identity, over plain HTTP, for the host itself and its
// monitoring:
//
//   GET /livez     200 while the process runs
//   GET /readyz    200 or 503, with the checks as JSON: {"ready":false,"checks":{"database":"..."}}
//   GET /metrics   Prometheus' text format
//
// No answer waits for anything: a thread of its own looks at the checks and sets the gauges, again
// and again; answers show what it saw last. Nothing secret is among them, but names are: listen on
// loopback, or where only monitoring gets to.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/metrics/registry.h"

namespace norroy::diagnostics {

// Something without which the daemon cannot do its work now. The message of its error is shown.
struct Check {
  std::string name;  // "database"
  std::function<absl::Status()> run;
};

struct Options {
  std::vector<std::string> listen;  // "127.0.0.1:9464"; empty: nobody is answered
  metrics::Registry& registry;
  std::vector<Check> checks;
  // Sets what is not counted where it happens. Called on the looking thread, as the checks are.
  std::function<void()> sample;
  absl::Duration every = absl::Seconds(5);
};

class Diagnostics {
 public:
  // Has looked once when it returns. UNAVAILABLE (reason CANNOT_LISTEN) names the address.
  // `clock` and what `options` refers to outlive it.
  static absl::StatusOr<std::unique_ptr<Diagnostics>> Start(Options options, Clock& clock);
  // Waits for the look that runs.
  virtual ~Diagnostics() = default;

  // As bound, in the order of `listen`.
  virtual const std::vector<int>& ports() const = 0;
};

}  // namespace norroy::diagnostics

#endif  // NORROY_COMMON_DIAGNOSTICS_DIAGNOSTICS_H_
