#ifndef NORROY_VALIDATOR_AGENTS_AUDIT_BUDGET_H_
#define NORROY_VALIDATOR_AGENTS_AUDIT_BUDGET_H_

// How often the audit log takes entries that somebody else can cause as often as he likes: an agent
// that attaches and detaches all day, a refused caller that tries again and again. Each kind of
// entry has its number per subject and hour; the next one that is written says how many were left
// out before it.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sync/mutex.h"

namespace norroy::validator {

inline constexpr int kAuditLinesPerHour = 12;
// Subjects that are counted at once; beyond them nothing is written, until an hour is over.
inline constexpr size_t kMaxAuditSubjects = 10000;

// Thread-safe.
class AuditBudget {
 public:
  // "agent.attach" of "agent/web1": absent if it must not be written, else what its detail ends
  // with: nothing, or "; 7 more like it since 2026-03-01T12:00:00Z were left out".
  std::optional<std::string> Take(absl::string_view action, absl::string_view subject,
                                  absl::Time now);

 private:
  struct Hour {
    absl::Time start;
    int written = 0;
    int left_out = 0;
    absl::Time left_out_since;
  };

  Mutex mutex_;
  std::map<std::pair<std::string, std::string>, Hour> hours_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_AUDIT_BUDGET_H_
