// Suites throughput and politeness: many certificates at once, and what a CA is asked for one.

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "tests/bench/need.h"
#include "tests/bench/suites.h"
#include "tests/bench/world.h"
#include "tests/harness/process.h"

namespace norroy::bench {
namespace {

constexpr int kAtOnce = 64;

// user and system, /proc/PID/stat.
absl::Duration CpuOf(pid_t pid) {
  const std::string stat = harness::ReadAll(absl::StrCat("/proc/", pid, "/stat"));
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(stat.rfind(')') + 2), ' ');
  int64_t user = 0, system = 0;
  if (fields.size() < 13 || !absl::SimpleAtoi(fields[11], &user) ||
      !absl::SimpleAtoi(fields[12], &system)) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(1) * static_cast<double>(user + system) /
         static_cast<double>(sysconf(_SC_CLK_TCK));
}

absl::Duration CpuOf(const std::vector<pid_t>& pids) {
  absl::Duration sum;
  for (const pid_t pid : pids) sum += CpuOf(pid);
  return sum;
}

absl::Duration OwnCpu() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

// `count` pieces of work by so many threads; how long it took.
absl::Duration Share(int count, int threads, const std::function<void(int thread, int i)>& work) {
  std::atomic<int> next = 0;
  std::vector<std::thread> all;
  const absl::Time begin = absl::Now();
  for (int thread = 0; thread < threads; ++thread) {
    all.emplace_back([&, thread] {
      for (int i = next++; i < count; i = next++) work(thread, i);
    });
  }
  for (std::thread& thread : all) thread.join();
  return absl::Now() - begin;
}

std::string NameOf(int i) { return absl::StrCat("n", i, ".example.test"); }

}  // namespace

void Throughput(const Size& size, Report& report) {
  FakeCaWorld world("throughput");
  const int orders = size.Of(20, 2000);
  const int at_once = size.Of(4, kAtOnce);
  const auto floors = world.MakeFloors(at_once);
  std::vector<std::string> csrs;
  for (int i = 0; i < orders; ++i) csrs.push_back(CsrFor({NameOf(i)}));

  const absl::Duration own = OwnCpu();
  const absl::Duration floor_time = Share(orders, at_once, [&](int thread, int i) {
    floors[static_cast<size_t>(thread)]->Issue({NameOf(i)}, csrs[static_cast<size_t>(i)]);
  });
  const absl::Duration floor_cpu = OwnCpu() - own;
  const absl::Duration before = CpuOf(world.pids());
  const absl::Duration norroy_time = Share(orders, at_once, [&](int /*thread*/, int i) {
    world.client().Issue({NameOf(i)}, csrs[static_cast<size_t>(i)]);
  });
  const absl::Duration norroy_cpu = CpuOf(world.pids()) - before;

  const auto add = [&](const char* what, double value, const char* unit) {
    report.Add({.suite = "throughput", .what = what, .value = value, .unit = unit});
  };
  add("floor, certificates", orders / absl::ToDoubleSeconds(floor_time), "/s");
  add("norroy, certificates", orders / absl::ToDoubleSeconds(norroy_time), "/s");
  add("floor, CPU a certificate", absl::ToDoubleMilliseconds(floor_cpu) / orders, "ms");
  add("norroy's three processes, CPU a certificate",
      absl::ToDoubleMilliseconds(norroy_cpu) / orders, "ms");
  report.Add({.suite = "throughput",
              .what = "norroy / floor, CPU a certificate",
              .value = absl::FDivDuration(norroy_cpu, floor_cpu),
              .unit = "x",
              .at_most = 3});
  report.Add({.suite = "throughput",
              .what = "norroy / floor, certificates a second",
              .value = absl::FDivDuration(floor_time, norroy_time),
              .unit = "x",
              .at_least = 0.8});
}

void Politeness(const Size& size, Report& report) {
  double most_extra = 0, early = 0;
  for (const int seconds : size.small ? std::vector<int>{1} : std::vector<int>{1, 3, 5}) {
    // One read that says "pending", two that say "processing".
    FakeCaWorld world(absl::StrCat("polite", seconds),
                      {.finalize_polls = 2, .validation_polls = 1, .retry_after_seconds = seconds});
    const size_t before = world.ca().Requests().size();
    world.client().Issue({"polite.example.test"});
    std::vector<harness::CaRequest> requests = world.ca().Requests();
    requests.erase(requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(before));
    // newOrder, authorization, challenge, what is pending twice, finalize, what is processing
    // thrice, certificate.
    constexpr double kLeast = 10;
    most_extra = std::max(most_extra, static_cast<double>(requests.size()) - kLeast);
    std::map<std::string, absl::Time> last;
    for (const harness::CaRequest& request : requests) {
      absl::Time time;
      NORROY_CHECK(absl::ParseTime(absl::RFC3339_full, request.time, &time, nullptr));
      const auto it = last.find(request.url);
      const bool polled = request.endpoint == "order" && it != last.end();
      if (polled && time - it->second < absl::Seconds(seconds)) ++early;
      last[request.url] = time;
    }
    report.Add({.suite = "politeness",
                .what = absl::StrCat("requests, Retry-After ", seconds, " s"),
                .value = static_cast<double>(requests.size()),
                .unit = "requests"});
  }
  report.Add({.suite = "politeness",
              .what = "more than the least",
              .value = most_extra,
              .unit = "requests",
              .at_most = 2});
  report.Add({.suite = "politeness",
              .what = "polls of an order before its time",
              .value = early,
              .unit = "polls",
              .at_most = 0});
}

}  // namespace norroy::bench
