#include "issuer/solver/looker.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/solver/look_convert.h"

namespace norroy::solver {
namespace {

using validator::v1::LookResponse;

constexpr absl::Duration kLookTimeout = absl::Seconds(15);
constexpr size_t kPruneAbove = 4096;
// No order comes back to a look after that.
constexpr absl::Duration kKeep = absl::Minutes(30);

}  // namespace

absl::StatusOr<std::optional<std::vector<NameView>>> Looker::Look(const LookOrder& order) {
  uint64_t turn = 0;
  std::vector<uint64_t> calls;
  {
    MutexLock lock(&mutex_);
    const auto known = entries_.find(order.id);
    if (known != entries_.end()) {
      const Entry& entry = known->second;
      const auto asked = std::tie(order.generation, order.round);
      const auto kept = std::tie(entry.generation, entry.round);
      if (asked == kept) return ResultOf(entry);
      if (asked < kept) {
        return MakeError(absl::StatusCode::kFailedPrecondition, "STALE_LOOK",
                         absl::StrCat("presentation ", order.id, " is at round ", entry.round,
                                      " of generation ", entry.generation));
      }
    }
    const Entry& entry = Begin(order);
    turn = entry.turn;
    for (const Part& part : entry.parts) calls.push_back(part.call);
  }
  Ask(order, turn, calls);
  MutexLock lock(&mutex_);
  const auto it = entries_.find(order.id);
  if (it == entries_.end() || it->second.turn != turn) return Result();
  return ResultOf(it->second);
}

Looker::Entry& Looker::Begin(const LookOrder& order) {
  Prune();
  Entry& entry = entries_[order.id];
  End(entry);
  entry.generation = order.generation;
  entry.round = order.round;
  entry.turn = ++last_turn_;
  entry.proofs = order.proofs;
  entry.began = clock_.Monotonic();
  entry.parts.assign(validators_.size(), Part());
  for (Part& part : entry.parts) part.call = calls_.Begin();
  return entry;
}

void Looker::Ask(const LookOrder& order, uint64_t turn, const std::vector<uint64_t>& calls) {
  const validator::v1::LookRequest request = ToLookRequest(order);
  for (size_t i = 0; i < calls.size(); ++i) {
    const uint64_t call = calls[i];
    if (call == 0) continue;  // closed
    ValidatorLink::Cancel cancel = validators_[i]->Look(
        request, kLookTimeout,
        [this, id = order.id, turn, i, call](const absl::StatusOr<LookResponse>& answer) {
          Answered(id, turn, i, answer);
          calls_.End(call);
        });
    calls_.Made(call, std::move(cancel));
  }
}

void Looker::Answered(const std::string& id, uint64_t turn, size_t validator,
                      const absl::StatusOr<LookResponse>& answer) {
  if (!Note(id, turn, validator, answer)) return;
  std::function<void(const std::string& id)> changed;
  {
    MutexLock lock(&mutex_);
    changed = changed_;
  }
  if (changed) changed(id);
}

bool Looker::Note(const std::string& id, uint64_t turn, size_t validator,
                  const absl::StatusOr<LookResponse>& answer) {
  MutexLock lock(&mutex_);
  const auto it = entries_.find(id);
  if (it == entries_.end() || it->second.turn != turn) return false;
  Entry& entry = it->second;
  const std::string& address = validators_[validator]->address();
  absl::StatusOr<std::vector<NameView>> views =
      answer.ok() ? FromProto(entry.proofs, *answer, address)
                  : absl::StatusOr<std::vector<NameView>>(answer.status());
  Part& part = entry.parts[validator];
  part.call = 0;
  part.views =
      views.ok() ? *std::move(views) : Unseen(entry.proofs, address, views.status(), clock_.Now());
  return ResultOf(entry).has_value();
}

Looker::Result Looker::ResultOf(const Entry& entry) {
  std::vector<NameView> views;
  for (const Part& part : entry.parts) {
    if (part.call != 0) return std::nullopt;
    views.insert(views.end(), part.views.begin(), part.views.end());
  }
  return views;
}

void Looker::Forget(const std::string& id, int64_t generation) {
  MutexLock lock(&mutex_);
  const auto it = entries_.find(id);
  if (it == entries_.end() || it->second.generation > generation) return;
  End(it->second);
  entries_.erase(it);
}

void Looker::OnChange(std::function<void(const std::string& id)> changed) {
  MutexLock lock(&mutex_);
  changed_ = std::move(changed);
}

void Looker::Close() {
  OnChange(nullptr);
  calls_.Close(absl::ZeroDuration());
}

void Looker::End(Entry& entry) {
  entry.turn = 0;
  for (Part& part : entry.parts) {
    if (part.call != 0) calls_.Cancel(std::exchange(part.call, 0));
  }
}

void Looker::Prune() {
  if (entries_.size() < kPruneAbove) return;
  const absl::Duration now = clock_.Monotonic();
  for (auto it = entries_.begin(); it != entries_.end();) {
    const bool old = now - it->second.began > kKeep;
    if (old) End(it->second);
    it = old ? entries_.erase(it) : std::next(it);
  }
}

}  // namespace norroy::solver
