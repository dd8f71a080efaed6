// Speed as a ratio within one run: norroy beside a bare ACME loop, and beside other clients, on the
// same machine at the same time. docs/benchmarks.md is the manual.
//
//   tests/bench/run [SUITE...] [--small] [--peers] [--json FILE] [--docs FILE]

#include <cstdio>
#include <string>
#include <vector>

#include "common/rpc/credentials.h"
#include "tests/bench/suites.h"
#include "tests/harness/process.h"

namespace norroy::bench {
namespace {

struct Options {
  std::vector<std::string> suites;
  Size size;
  std::string json;
  std::string docs;
};

bool Known(const std::string& name) {
  for (const Suite& suite : Suites()) {
    if (suite.name == name) return true;
  }
  return false;
}

bool Parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--small") {
      options.size.small = true;
    } else if (argument == "--peers") {
      options.size.peers = true;
    } else if ((argument == "--json" || argument == "--docs") && i + 1 < argc) {
      (argument == "--json" ? options.json : options.docs) = argv[++i];
    } else if (Known(argument)) {
      options.suites.push_back(argument);
    } else {
      return false;
    }
  }
  return true;
}

// What stands between these lines of the manual is replaced.
constexpr char kBegin[] = "<!-- measured: tests/bench/run --docs -->\n";
constexpr char kEnd[] = "<!-- end -->\n";

bool WriteDocs(const std::string& file, const Report& report) {
  std::string text = harness::ReadAll(file);
  const size_t begin = text.find(kBegin), end = text.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return false;
  const size_t from = begin + sizeof(kBegin) - 1;
  harness::WriteAll(file, text.replace(from, end - from, report.Markdown() + "\n"));
  return true;
}

int Run(const Options& options) {
  Report report;
  for (const Suite& suite : Suites()) {
    bool wanted = options.suites.empty();
    for (const std::string& name : options.suites) wanted = wanted || name == suite.name;
    if (!wanted) continue;
    std::printf("\n%s: %s\n", suite.name.c_str(), suite.what.c_str());
    suite.run(options.size, report);
  }
  std::printf("\n%s\n", report.Summary().c_str());
  if (!options.json.empty()) harness::WriteAll(options.json, report.Json() + "\n");
  if (!options.docs.empty() && !WriteDocs(options.docs, report)) {
    std::fprintf(stderr, "%s has no place for figures\n", options.docs.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace norroy::bench

int main(int argc, char** argv) {
  norroy::bench::Options options;
  if (!norroy::bench::Parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: bench [SUITE...] [--small] [--peers] [--json FILE] [--docs FILE]\n");
    for (const norroy::bench::Suite& suite : norroy::bench::Suites()) {
      std::fprintf(stderr, "  %-12s %s\n", suite.name.c_str(), suite.what.c_str());
    }
    return 2;
  }
  norroy::rpc::DisableTlsResumption();
  return norroy::bench::Run(options);
}
