#include "issuer/store/unwritable.h"

#include <algorithm>

namespace norroy::store {

std::set<std::string> Unwritable::At(absl::Time now) {
  MutexLock lock(&mutex_);
  std::set<std::string> ids;
  for (auto i = until_.begin(); i != until_.end();) {
    if (i->second <= now) {
      i = until_.erase(i);
      continue;
    }
    ids.insert(i->first);
    ++i;
  }
  return ids;
}

void Unwritable::Add(const std::string& id, absl::Time until) {
  MutexLock lock(&mutex_);
  until_[id] = until;
}

absl::Time Unwritable::End() {
  MutexLock lock(&mutex_);
  absl::Time end = absl::InfiniteFuture();
  for (const auto& entry : until_) end = std::min(end, entry.second);
  return end;
}

}  // namespace norroy::store
