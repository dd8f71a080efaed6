#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "common/sync/mutex.h"
#include "issuer/service/access.h"
#include "issuer/service/renewals.h"

namespace norroy::service {
namespace {

using issuer::v1::WatchRenewalsResponse;

// How long the end of a renewal is told.
constexpr absl::Duration kTellEnds = absl::Minutes(5);
constexpr int kMaxTold = 1000;

// One watcher. Held by its timer and by whoever may end it; thread-safe. What it tells is read from
// the store, so it does not matter which process made the change.
class RenewalWatch : public std::enable_shared_from_this<RenewalWatch> {
 public:
  RenewalWatch(const RenewalsOptions& options, std::optional<std::string> reader, RenewalSink sink)
      : o_(options), reader_(std::move(reader)), sink_(std::move(sink)) {}

  void Look() {
    MutexLock lock(&mutex_);
    if (done_) return;
    absl::StatusOr<WatchRenewalsResponse> state = Read();
    if (!state.ok()) {
      done_ = true;
      sink_.finish(state.status());
      return;
    }
    std::string bytes = state->SerializeAsString();
    if (bytes != told_) sink_.send(*std::move(state));
    told_ = std::move(bytes);
    timer_ = o_.timers.After(Renewals::kWatchLook, [self = shared_from_this()] { self->Look(); });
  }

  void Stop() {
    MutexLock lock(&mutex_);
    done_ = true;
    o_.timers.Cancel(timer_);
  }

 private:
  absl::StatusOr<WatchRenewalsResponse> Read() const {
    const absl::Time now = o_.clock.Now();
    WatchRenewalsResponse state;
    NORROY_ASSIGN_OR_RETURN(const std::vector<store::Renewal> due,
                            o_.renewals.List({.reader = reader_, .due_by = now}, {}, kMaxTold + 1));
    for (const store::Renewal& renewal : due) Add(renewal, now, state);
    NORROY_ASSIGN_OR_RETURN(const std::vector<store::Renewal> ended,
                            o_.renewals.Ended(reader_, now - kTellEnds, kMaxTold + 1));
    for (const store::Renewal& renewal : ended) Add(renewal, now, state);
    return state;
  }

  static void Add(const store::Renewal& renewal, absl::Time now, WatchRenewalsResponse& state) {
    if (state.renewals_size() == kMaxTold) {
      state.set_more(true);
      return;
    }
    *state.add_renewals() = ToProto(renewal, now);
    // When the CA is heard next changes nothing for anybody.
    state.mutable_renewals(state.renewals_size() - 1)->clear_next_poll_time();
  }

  const RenewalsOptions o_;
  const std::optional<std::string> reader_;
  const RenewalSink sink_;
  Mutex mutex_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  TimerId timer_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<std::string> told_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::function<void()> Renewals::Watch(const rpc::Caller& caller, RenewalSink sink) {
  const auto watch = std::make_shared<RenewalWatch>(o_, ReaderOf(caller), std::move(sink));
  watch->Look();
  return [watch] { watch->Stop(); };
}

}  // namespace norroy::service
