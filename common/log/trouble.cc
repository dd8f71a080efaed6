#include "common/log/trouble.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace norroy::log {

void Trouble::Note(absl::string_view what, const absl::Status& status) {
  if (status.ok()) return;
  std::string line = absl::StrCat(what, ": ", status.message());
  if (line == last_) return;
  Warning(component_, what, {{"error", status.message()}});
  last_ = std::move(line);
}

}  // namespace norroy::log
