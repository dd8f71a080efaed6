#include "tests/sim/trial.h"

#include <stdlib.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::sim {

Verdict Try(Workshop& workshop, const SimOptions& options, Coverage* coverage) {
  World world(workshop, options);
  world.Run();
  Sim& sim = world.sim();
  if (coverage != nullptr) coverage->Add(sim.coverage);
  Verdict verdict;
  verdict.hash = sim.history.hash();
  if (sim.violations().empty()) return verdict;
  std::string& report = verdict.report;
  report = absl::StrCat("seed ", options.seed, " (", world.Summary(), "):\n");
  if (!options.trace) {
    for (const std::string& line : sim.history.last()) absl::StrAppend(&report, "  ", line, "\n");
  }
  for (const std::string& violation : sim.violations()) {
    absl::StrAppend(&report, "  ", violation, "\n");
  }
  absl::StrAppend(&report, "  replay: tests/run sim --first ", options.seed,
                  " --seeds 1 --trace\n");
  return verdict;
}

std::string NewJournalFolder() {
  const char* const base = getenv("TEST_TMPDIR");
  for (const std::string& parent : {std::string("/dev/shm"), std::string(base ? base : "/tmp")}) {
    std::string folder = parent + "/norroy-sim-XXXXXX";
    if (mkdtemp(folder.data()) != nullptr) return folder;
  }
  NORROY_CHECK(false);  // nowhere to write to
  return "";
}

}  // namespace norroy::sim
