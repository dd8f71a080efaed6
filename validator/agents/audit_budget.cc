#include "validator/agents/audit_budget.h"

#include "absl/strings/str_cat.h"

namespace norroy::validator {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);

}  // namespace

std::optional<std::string> AuditBudget::Take(absl::string_view action, absl::string_view subject,
                                             absl::Time now) {
  MutexLock lock(&mutex_);
  if (hours_.size() >= kMaxAuditSubjects) {
    std::erase_if(hours_, [now](const auto& one) { return now - one.second.start >= kHour; });
  }
  const std::pair<std::string, std::string> key(action, subject);
  const auto found = hours_.find(key);
  if (found == hours_.end() && hours_.size() >= kMaxAuditSubjects) return std::nullopt;
  Hour& hour = hours_[key];
  // Also if somebody has set the clock back.
  if (found == hours_.end() || now - hour.start >= kHour || now < hour.start) {
    hour.start = now;
    hour.written = 0;
  }
  if (hour.written >= kAuditLinesPerHour) {
    if (hour.left_out++ == 0) hour.left_out_since = now;
    return std::nullopt;
  }
  ++hour.written;
  if (hour.left_out == 0) return "";
  std::string note =
      absl::StrCat("; ", hour.left_out, " more like it since ",
                   absl::FormatTime(absl::RFC3339_sec, hour.left_out_since, absl::UTCTimeZone()),
                   " were left out");
  hour.left_out = 0;
  return note;
}

}  // namespace norroy::validator
