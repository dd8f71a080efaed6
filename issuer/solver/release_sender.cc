#include "issuer/solver/release_sender.h"

#include <algorithm>

#include "common/log/log.h"

namespace norroy::solver {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr absl::Duration kFirstBackOff = absl::Seconds(1);
constexpr absl::Duration kMaxBackOff = absl::Minutes(1);

}  // namespace

void ReleaseSender::Send(const Validators& validators, const std::set<size_t>& shown,
                         const validator::v1::ReleaseRequest& request, absl::Time until) {
  std::vector<ValidatorLink*> others;
  for (size_t i = 0; i < validators.size(); ++i) {
    if (!shown.contains(i)) others.push_back(validators[i].get());
  }
  for (ValidatorLink* const other : others) Tell(*other, request);
  for (const size_t i : shown) Try({validators[i].get(), request, until, kFirstBackOff, others});
}

void ReleaseSender::Tell(ValidatorLink& validator, const validator::v1::ReleaseRequest& request) {
  const uint64_t call = calls_.Begin();
  if (call == 0) return;
  calls_.Made(call, validator.Release(request, kTimeout,
                                      [this, call](const absl::Status&) { calls_.End(call); }));
}

void ReleaseSender::Try(const Task& task) {
  const uint64_t call = calls_.Begin();
  if (call == 0) return;
  calls_.Made(call, task.validator->Release(task.request, kTimeout,
                                            [this, task, call](const absl::Status& status) {
                                              Tried(task, status);
                                              calls_.End(call);
                                            }));
}

void ReleaseSender::Tried(const Task& task, const absl::Status& status) {
  if (status.ok()) return;
  const bool again = IsPassing(status) && clock_.Now() < task.until;
  log::Warning("solver", "release failed",
               {{"validator", task.validator->address()},
                {"order_id", task.request.presentation_id()},
                {"error", status.message()},
                {"repeated", again ? "yes" : "no"}});
  if (!again) return;
  for (ValidatorLink* const other : task.others) {
    Try({other, task.request, task.until, kFirstBackOff, {}});
  }
  Task next = task;
  next.others.clear();
  next.back_off = std::min(task.back_off * 2, kMaxBackOff);
  timers_.After(task.back_off, [weak = weak_from_this(), next] {
    if (const std::shared_ptr<ReleaseSender> sender = weak.lock()) sender->Try(next);
  });
}

}  // namespace norroy::solver
