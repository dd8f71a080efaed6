// Suite agent: what an agent occupies on a web host, and how fast it answers there.

#include <unistd.h>

#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/bench/need.h"
#include "tests/bench/suites.h"
#include "tests/bench/world.h"
#include "tests/harness/process.h"

namespace norroy::bench {
namespace {

// Of /proc/PID/status, which also a process that forbids core dumps shows.
double FieldOf(const std::string& file, absl::string_view field) {
  const std::string text = harness::ReadAll(file);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, field)) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    double value = 0;
    if (!words.empty() && absl::SimpleAtod(words[0], &value)) return value;
  }
  return 0;
}

// Of all threads, since each began.
double WakeUps(pid_t pid) {
  double sum = 0;
  const std::string tasks = absl::StrCat("/proc/", pid, "/task");
  for (const auto& entry : std::filesystem::directory_iterator(tasks)) {
    sum += FieldOf(entry.path().string() + "/status", "voluntary_ctxt_switches:");
  }
  return sum;
}

double StrippedMb() {
  const std::string stripped = harness::TempDir("stripped") + "/norroy-agent";
  const harness::Output strip = harness::RunProgram(
      {"/usr/bin/strip", "-o", stripped, harness::Runfile("agent/norroy-agent")});
  NORROY_CHECK(strip.code == 0);
  return static_cast<double>(std::filesystem::file_size(stripped)) / (1 << 20);
}

void AddMemory(const std::string& when, pid_t pid, Report& report) {
  const std::string status = absl::StrCat("/proc/", pid, "/status");
  report.Add({.suite = "agent",
              .what = when + ", private memory",
              .value = FieldOf(status, "RssAnon:") / 1024,
              .unit = "MB",
              .at_most = 10});
  report.Add({.suite = "agent",
              .what = when + ", RSS",
              .value = FieldOf(status, "VmRSS:") / 1024,
              .unit = "MB",
              .at_most = 26});
}

}  // namespace

void Agent(const Size& size, Report& report) {
  PebbleWorld world("agent");
  const pid_t pid = world.norroy().agent("web1").pid();
  const absl::Duration watched = absl::Seconds(size.Of(2, 30));
  absl::SleepFor(absl::Seconds(1));
  const double before = WakeUps(pid);
  absl::SleepFor(watched);
  const double wake_ups = (WakeUps(pid) - before) / absl::ToDoubleSeconds(watched);
  AddMemory("idle", pid, report);
  report.Add(
      {.suite = "agent", .what = "idle, wake-ups", .value = wake_ups, .unit = "/s", .at_most = 8});
  for (int i = 0; i < size.Of(3, 200); ++i) {
    world.client().Issue({absl::StrCat("n", i, ".example.test")});
  }
  AddMemory("after many orders", pid, report);
  report.Add({.suite = "agent",
              .what = "the program, stripped",
              .value = StrippedMb(),
              .unit = "MB",
              .at_most = 20});
  report.Skip("agent", "HTTP-01 answers beside nginx: not built");
}

}  // namespace norroy::bench
