#include "common/rpc/grpc_log.h"

#include <grpc/support/log.h>

#include <atomic>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/log/log.h"
#include "common/sync/mutex.h"

namespace norroy::rpc {
namespace {

constexpr int kMaxLinesPerSecond = 5;

std::atomic<bool> listens = false;

// How many lines of this second were left out is said with the next one.
class Throttle {
 public:
  // Negative: leave this line out; else how many were left out before it.
  int Take() {
    static SystemClock clock;
    const absl::Duration now = clock.Monotonic();
    MutexLock lock(&mutex_);
    if (now - second_ >= absl::Seconds(1)) {
      second_ = now;
      lines_ = 0;
    }
    if (++lines_ > kMaxLinesPerSecond) {
      ++left_out_;
      return -1;
    }
    const int before = left_out_;
    left_out_ = 0;
    return before;
  }

 private:
  Mutex mutex_;
  absl::Duration second_ ABSL_GUARDED_BY(mutex_);
  int lines_ ABSL_GUARDED_BY(mutex_) = 0;
  int left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

// gRPC 1.51 never listens again on a port where accept failed once, as it does when no descriptor
// is left: the process would live and hear nobody.
bool IsDeaf(absl::string_view message) { return absl::StartsWith(message, "Failed accept4: "); }

void Log(gpr_log_func_args* line) {
  if (listens && IsDeaf(line->message)) {
    log::Error("rpc", "a listener has failed and would stay deaf; ends, to be started again",
               {{"error", line->message}});
    std::_Exit(EXIT_FAILURE);
  }
  // gRPC logs while threads end: never destroyed.
  static Throttle* const throttle = new Throttle();
  const int left_out = throttle->Take();
  if (left_out < 0) return;
  const log::Level level = !listens                                   ? log::Level::kDebug
                           : line->severity == GPR_LOG_SEVERITY_ERROR ? log::Level::kWarning
                                                                      : log::Level::kInfo;
  log::Write(level, "grpc", line->message, {{"left_out", left_out}});
}

}  // namespace

void RouteGrpcLogOfClient() { gpr_set_log_function(Log); }

void RouteGrpcLogOfServer() {
  listens = true;
  gpr_set_log_function(Log);
}

}  // namespace norroy::rpc
