#ifndef NORROY_ISSUER_STORE_UNWRITABLE_H_
#define NORROY_ISSUER_STORE_UNWRITABLE_H_

// Orders whose rows could not be written a moment ago, so that the ones behind them are worked on.
// Thread-safe.

#include <map>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "common/sync/mutex.h"

namespace norroy::store {

class Unwritable {
 public:
  void Add(const std::string& id, absl::Time until);
  // Those that are left aside at `now`; the others are forgotten.
  std::set<std::string> At(absl::Time now);
  // When the first of them is tried again; InfiniteFuture if there is none.
  absl::Time End();

 private:
  Mutex mutex_;
  std::map<std::string, absl::Time> until_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_UNWRITABLE_H_
