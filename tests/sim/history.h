#ifndef NORROY_TESTS_SIM_HISTORY_H_
#define NORROY_TESTS_SIM_HISTORY_H_

// What happened, one line an event: its hash, so that a replay shows that it is one, and its end,
// for people.

#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace norroy::sim {

class History {
 public:
  static constexpr size_t kKept = 50;

  // `trace`: every line is printed when it comes.
  explicit History(bool trace) : trace_(trace) {}

  void Note(absl::Duration at, absl::string_view line);
  uint64_t hash() const { return hash_; }
  int64_t events() const { return events_; }
  const std::deque<std::string>& last() const { return last_; }

 private:
  const bool trace_;
  uint64_t hash_ = 0xcbf29ce484222325;
  int64_t events_ = 0;
  std::deque<std::string> last_;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_HISTORY_H_
