#ifndef NORROY_VALIDATOR_AGENTS_DUPLICATES_H_
#define NORROY_VALIDATOR_AGENTS_DUPLICATES_H_

// Finds an identity that two processes have: a machine that was copied with its keys. An agent's
// process says a boot id of its own at each hello. A new one that takes the place of the old is a
// restart, and the old one is never heard of again; one that comes back after another was heard is
// the proof that both live: A, B, A. What came before a new enrollment does not count.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/sync/mutex.h"

namespace norroy::validator {

// Of an agent's processes so many are remembered, the last ones.
inline constexpr size_t kMaxBootIds = 8;
inline constexpr size_t kMaxBootId = 64;

// Thread-safe.
class Duplicates {
 public:
  // At each hello, in order. Two peers (where the process that is back comes from, and where the
  // one before it came from) if that shows two processes, else none. An empty boot id says nothing.
  std::vector<std::string> OnHello(const std::string& agent, absl::string_view enrollment_id,
                                   absl::string_view boot_id, absl::string_view peer);

 private:
  struct Boot {
    std::string id;
    std::string peer;
  };
  struct Seen {
    std::string enrollment_id;
    std::vector<Boot> boots;  // the one that was heard last at the end
  };

  Mutex mutex_;
  std::map<std::string, Seen> agents_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_DUPLICATES_H_
