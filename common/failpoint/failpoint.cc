#include "common/failpoint/failpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/sync/mutex.h"

namespace norroy::failpoint {
namespace {

constexpr useconds_t kPausePollMicroseconds = 2'000;

struct Plan {
  int at = 0;        // the how manieth time
  bool on = false;   // and each time after it
  std::string what;  // "kill", "pause", "error"
  std::string file;  // of a pause
  int reached = 0;
};

std::map<std::string, Plan> Parse(const char* text) {
  std::map<std::string, Plan> plans;
  for (const absl::string_view entry :
       absl::StrSplit(text == nullptr ? "" : text, ',', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(entry, absl::MaxSplits(':', 3));
    NORROY_CHECK(parts.size() >= 3);
    Plan plan;
    plan.on = absl::EndsWith(parts[1], "+");
    plan.what = parts[2];
    if (parts.size() == 4) plan.file = parts[3];
    NORROY_CHECK(absl::SimpleAtoi(absl::StripSuffix(parts[1], "+"), &plan.at) && plan.at > 0);
    NORROY_CHECK(plan.what == "kill" || plan.what == "error" ||
                 (plan.what == "pause" && !plan.file.empty()));
    NORROY_CHECK(plans.emplace(parts[0], plan).second);
  }
  return plans;
}

class Points {
 public:
  Points() : plans_(Parse(std::getenv("NORROY_FAILPOINTS"))) {}

  // What is to be done now; empty `what`: nothing.
  Plan Take(absl::string_view name) {
    MutexLock lock(&mutex_);
    const auto found = plans_.find(std::string(name));
    if (found == plans_.end()) return {};
    Plan& plan = found->second;
    ++plan.reached;
    const bool now = plan.on ? plan.reached >= plan.at : plan.reached == plan.at;
    return now ? plan : Plan();
  }

 private:
  Mutex mutex_;
  std::map<std::string, Plan> plans_ ABSL_GUARDED_BY(mutex_);
};

void PauseUntil(const std::string& file) {
  const int reached = open((file + ".reached").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (reached >= 0) close(reached);
  while (access(file.c_str(), F_OK) != 0) usleep(kPausePollMicroseconds);
}

}  // namespace

absl::Status Reach(absl::string_view name) {
  static Points* const points = new Points();  // outlives every thread
  const Plan plan = points->Take(name);
  if (plan.what == "kill") kill(getpid(), SIGKILL);
  if (plan.what == "pause") PauseUntil(plan.file);
  if (plan.what == "error") {
    return absl::UnavailableError(absl::StrCat("the failpoint ", name, " says so"));
  }
  return absl::OkStatus();
}

}  // namespace norroy::failpoint
