#ifndef NORROY_COMMON_LOG_TROUBLE_H_
#define NORROY_COMMON_LOG_TROUBLE_H_

// For work that is tried again and again: the same trouble is told once, not each time.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace norroy::log {

// Not thread-safe.
class Trouble {
 public:
  explicit Trouble(absl::string_view component) : component_(component) {}

  // Warns that `what`, with the error, unless that was the last thing it warned of. OK says
  // nothing.
  void Note(absl::string_view what, const absl::Status& status);
  // What comes next is told, whatever was before.
  void Over() { last_.clear(); }

 private:
  const std::string component_;
  std::string last_;
};

}  // namespace norroy::log

#endif  // NORROY_COMMON_LOG_TROUBLE_H_
