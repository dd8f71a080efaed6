#include "common/audit/refusals.h"

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace norroy::audit {
namespace {

// Where those are counted for whom there is no room.
constexpr char kOthers[] = "others";

}  // namespace

void Refusals::Note(const Entry& refusal) {
  {
    MutexLock lock(&mutex_);
    const Key key(refusal.principal, refusal.object);
    auto found = refusers_.find(key);
    if (found != refusers_.end()) {
      found->second.newest = refusal;
      ++found->second.more;
      return;
    }
    if (refusers_.size() >= kMaxRefusers) {
      Counted& others = refusers_[Key(kOthers, "")];
      others.newest = refusal;
      ++others.more;
      return;
    }
    refusers_[key].newest = refusal;
    waiting_.push_back(refusal);
  }
  // If nobody can now, the next Flush does.
  (void)run_([this] { Drain(); });
}

void Refusals::Flush() {
  {
    MutexLock lock(&mutex_);
    std::map<Key, Counted> still;
    for (auto& [key, counted] : refusers_) {
      if (counted.more == 0) continue;
      Entry entry = counted.newest;
      entry.detail =
          absl::StrCat("refused ", counted.more,
                       key.first == kOthers ? " more times, others among them; the last: "
                                            : " more times; the last: ",
                       entry.detail);
      waiting_.push_back(entry);
      // Who was refused in this minute is not new in the next.
      if (key.first != kOthers) still[key] = {.newest = std::move(counted.newest), .more = 0};
    }
    refusers_ = std::move(still);
  }
  Drain();
}

void Refusals::Drain() {
  std::deque<Entry> entries;
  {
    MutexLock lock(&mutex_);
    entries.swap(waiting_);
  }
  for (const Entry& entry : entries) {
    const absl::Status status = append_(entry);
    if (!status.ok()) {
      log::Error(
          "audit", "a refused call could not be written down",
          {{"principal", entry.principal}, {"object", entry.object}, {"error", status.message()}});
    }
  }
}

}  // namespace norroy::audit
