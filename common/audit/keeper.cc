#include "common/audit/keeper.h"

#include <functional>
#include <utility>

#include "common/log/log.h"

namespace norroy::audit {
namespace {

constexpr absl::Duration kCountsEvery = absl::Minutes(1);
constexpr int kMaxWaiting = 64;

}  // namespace

Keeper::Keeper(LogOptions options, Timers& timers, absl::Duration checkpoint_every)
    : log_(std::move(options)),
      refusals_([this](const Entry& entry) { return log_.Append(entry); },
                [this](std::function<void()> work) { return pool_.Try(std::move(work)); }),
      pool_(1, kMaxWaiting) {
  // A pool that is full has one of these waiting already.
  checkpoints_.emplace(timers, checkpoint_every, [this] { (void)pool_.Try([this] { Sign(); }); });
  counts_.emplace(timers, kCountsEvery, [this] { (void)pool_.Try([this] { refusals_.Flush(); }); });
}

void Keeper::Stop() {
  if (!checkpoints_.has_value()) return;
  checkpoints_.reset();
  counts_.reset();
  refusals_.Flush();
  Sign();
}

void Keeper::Sign() {
  const absl::Status status = log_.Sign().status();
  if (status.ok()) return;
  log::Error("audit", "no checkpoint of the audit log could be signed",
             {{"error", status.message()}});
}

}  // namespace norroy::audit
