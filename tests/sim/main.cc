// Runs simulations, one seed after the other: tests/run sim. docs/simulation.md is the manual.

#include <signal.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/log/log.h"
#include "tests/sim/trial.h"

namespace norroy::sim {
namespace {

struct Flags {
  uint64_t first = 1;
  uint64_t seeds = 1000;
  // Every so-many-th seed runs twice, and must run the same.
  uint64_t replay_every = 100;
  bool trace = false;
  bool keep_going = false;
  std::string coverage_file;  // counts are written there instead of a table
};

// Of real time, for one seed: a machine may be busy with other things.
constexpr unsigned kStuckAfterSeconds = 900;

// For the handlers of signals.
uint64_t present_seed = 0;

extern "C" void OnSignal(int signal) {
  char text[160];
  const int length = std::snprintf(
      text, sizeof(text),
      "FAIL seed %" PRIu64 ": I8: %s; replay: tests/run sim --first %" PRIu64
      " --seeds 1 --trace\n",
      present_seed, signal == SIGALRM ? "it is stuck" : "the program broke off", present_seed);
  if (length > 0 && write(STDOUT_FILENO, text, static_cast<size_t>(length)) < 0) _exit(3);
  _exit(2);
}

bool ParseFlags(int argc, char** argv, Flags& flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : "";
    if (flag == "--trace") {
      flags.trace = true;
    } else if (flag == "--keep-going") {
      flags.keep_going = true;
    } else if (flag == "--coverage") {
      flags.coverage_file = value;
      ++i;
    } else if (flag == "--seeds" && absl::SimpleAtoi(value, &flags.seeds)) {
      ++i;
    } else if (flag == "--first" && absl::SimpleAtoi(value, &flags.first)) {
      ++i;
    } else if (flag == "--replay-every" && absl::SimpleAtoi(value, &flags.replay_every)) {
      ++i;
    } else {
      return false;
    }
  }
  return true;
}

// Whether all held.
bool RunSeed(Workshop& workshop, uint64_t seed, const Flags& flags, Coverage& coverage) {
  present_seed = seed;
  alarm(kStuckAfterSeconds);
  const Verdict verdict = Try(workshop, {.seed = seed, .trace = flags.trace}, &coverage);
  if (!verdict.report.empty()) {
    std::printf("FAIL %s", verdict.report.c_str());
    return false;
  }
  if (flags.seeds == 1) std::printf("history %016" PRIx64 "\n", verdict.hash);
  if (flags.replay_every == 0 || seed % flags.replay_every != 0) return true;
  if (Try(workshop, {.seed = seed}, nullptr).hash == verdict.hash) return true;
  std::printf("FAIL seed %" PRIu64 ": it ran otherwise when it ran again\n", seed);
  return false;
}

bool Report(const Flags& flags, const Coverage& coverage) {
  if (!flags.coverage_file.empty()) {
    std::ofstream file(flags.coverage_file);
    file << coverage.ToText() << "\n";
    return file.good();
  }
  std::string where;
  std::printf("%s", coverage.Table().c_str());
  const int64_t smallest = coverage.Smallest(&where);
  std::printf("the rarest pair: %s, %" PRId64 " times\n", where.c_str(), smallest);
  for (const std::string& surprise : coverage.Surprises()) {
    std::printf("and something was under way when an order went on: %s\n", surprise.c_str());
  }
  return true;
}

// Prints the table of several runs' counts, which standard input has, a line each.
int Merge() {
  Coverage coverage;
  char line[1 << 16];
  while (std::fgets(line, sizeof(line), stdin) != nullptr) {
    if (!coverage.AddText(std::string(line, std::strcspn(line, "\n")))) return 2;
  }
  return Report({}, coverage) ? 0 : 2;
}

int Main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--merge") return Merge();
  Flags flags;
  if (!ParseFlags(argc, argv, flags)) {
    std::fprintf(stderr,
                 "Usage: sim [--seeds N] [--first S] [--trace] [--keep-going] [--replay-every K]\n"
                 "           [--coverage FILE] | --merge\n");
    return 2;
  }
  log::SetSink([trace = flags.trace](absl::string_view line) {
    if (trace) std::printf("%s\n", std::string(line).c_str());
  });
  for (const int signal : {SIGABRT, SIGSEGV, SIGALRM}) ::signal(signal, OnSignal);
  Workshop workshop(NewJournalFolder());
  SystemClock clock;
  const absl::Duration began = clock.Monotonic();
  Coverage coverage;
  uint64_t bad = 0;
  uint64_t done = 0;
  while (done < flags.seeds && (bad == 0 || flags.keep_going)) {
    if (!RunSeed(workshop, flags.first + done, flags, coverage)) ++bad;
    ++done;
    std::fflush(stdout);
  }
  const double seconds = absl::ToDoubleSeconds(clock.Monotonic() - began);
  if (!Report(flags, coverage)) return 2;
  std::printf("%" PRIu64 " seeds from %" PRIu64 " on, %" PRIu64 " failed; %.1f seeds/s\n", done,
              flags.first, bad, static_cast<double>(done) / seconds);
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace norroy::sim

int main(int argc, char** argv) { return norroy::sim::Main(argc, argv); }
