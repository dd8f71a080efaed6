#ifndef NORROY_VALIDATOR_PREFLIGHT_SIGHT_H_
#define NORROY_VALIDATOR_PREFLIGHT_SIGHT_H_

// What looks at one proof have seen so far, and what follows from it. One look fills it; several
// are merged. A value.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace norroy::validator::preflight {

// The worse one wins.
enum class Verdict { kPass, kUnknown, kWait, kFail };
enum class Severity { kInfo, kWarning, kError };

// What strangers' servers said appears in messages through Said() alone.
struct Finding {
  Severity severity = Severity::kInfo;
  std::string code;     // "PORT_CLOSED"
  std::string message;  // what was seen, and where
  std::string advice;   // what would make it pass
};

// At most this much of what a server said reaches a caller.
inline constexpr size_t kMaxSaid = 64;
// Printable and quoted: "\"<html>...\"".
std::string Said(absl::string_view text);

// "the time for this look was over before <what>": about this validator, not about what it looks
// at.
Finding CutShortFinding(absl::string_view what);

class Sight {
 public:
  void Info(absl::string_view code, absl::string_view message);
  // The verdict stays.
  void Warning(absl::string_view code, absl::string_view message, absl::string_view advice);
  // A warning: from here it cannot be told.
  void Unknown(absl::string_view code, absl::string_view message, absl::string_view advice);
  // UNKNOWN, LOOK_TIMED_OUT: "the time for this look was over before <what>". What was found before
  // stands.
  void CutShort(absl::string_view what);
  // Passes by itself; worth another look `again_after` from now.
  void Wait(Severity severity, absl::string_view code, absl::string_view message,
            absl::string_view advice, absl::Duration again_after);
  // An error that the CA would meet, too.
  void Fail(absl::string_view code, absl::string_view message, absl::string_view advice);

  void Add(Finding finding, Verdict verdict);
  void Merge(const Sight& other);

  Verdict verdict() const { return verdict_; }
  // Zero unless the verdict is WAIT.
  absl::Duration again_after() const;
  // Errors first, else in the order found.
  std::vector<Finding> findings() const;
  bool Has(absl::string_view code) const;

 private:
  Verdict verdict_ = Verdict::kPass;
  absl::Duration again_after_ = absl::ZeroDuration();
  std::vector<Finding> findings_;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_SIGHT_H_
