#ifndef NORROY_COMMON_AUDIT_REFUSALS_H_
#define NORROY_COMMON_AUDIT_REFUSALS_H_

// Refused calls on their way into the log, bounded, so that nobody who hammers on a closed door
// fills the disk: the first refusal of a principal at an object is written at once, those that
// follow are counted and written once a minute as one. Thread-safe.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/audit/entry.h"
#include "common/sync/mutex.h"

namespace norroy::audit {

// Pairs of principal and object that are told apart within a minute; what is over is counted as
// one.
inline constexpr size_t kMaxRefusers = 256;

class Refusals {
 public:
  // `append` may block; `run` calls it elsewhere (false: it cannot now).
  Refusals(std::function<absl::Status(const Entry&)> append,
           std::function<bool(std::function<void()>)> run)
      : append_(std::move(append)), run_(std::move(run)) {}
  Refusals(const Refusals&) = delete;
  Refusals& operator=(const Refusals&) = delete;

  // Never blocks.
  void Note(const Entry& refusal);
  // Writes what was counted since the last time: once a minute, and at the end.
  void Flush();

 private:
  using Key = std::pair<std::string, std::string>;
  struct Counted {
    Entry newest;
    int64_t more = 0;  // since it was last written
  };

  void Drain();

  const std::function<absl::Status(const Entry&)> append_;
  const std::function<bool(std::function<void()>)> run_;
  Mutex mutex_;
  std::map<Key, Counted> refusers_ ABSL_GUARDED_BY(mutex_);
  std::deque<Entry> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_REFUSALS_H_
