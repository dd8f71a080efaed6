#ifndef NORROY_TESTS_BENCH_REPORT_H_
#define NORROY_TESTS_BENCH_REPORT_H_

// What a run has measured: times, their ratios, and whether each target was met.

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace norroy::bench {

using Times = std::vector<absl::Duration>;

// `p` from 0 to 1, of at least one.
absl::Duration Percentile(Times times, double p);

struct Row {
  std::string suite;  // "cold"
  std::string what;   // "norroy / floor, p50"
  double value = 0;
  std::string unit;  // "ms", "x", "MB"
  // What it should be at most, or at least; unset: it is there for the others.
  std::optional<double> at_most;
  std::optional<double> at_least;

  bool has_target() const { return at_most.has_value() || at_least.has_value(); }
  bool met() const {
    return (!at_most.has_value() || value <= *at_most) &&
           (!at_least.has_value() || value >= *at_least);
  }
  std::string ValueText() const;   // "1.72 x"
  std::string TargetText() const;  // "<= 2 x"
};

class Report {
 public:
  // Prints the row, too.
  void Add(Row row);
  // p50 and p90 in ms.
  void AddTimes(const std::string& suite, const std::string& what, const Times& times);
  // What this run could not measure.
  void Skip(const std::string& suite, const std::string& why);

  const std::vector<Row>& rows() const { return rows_; }
  std::string Json() const;
  // The tables of docs/benchmarks.md.
  std::string Markdown() const;
  // "7 targets, 6 met".
  std::string Summary() const;

 private:
  std::vector<Row> rows_;
  std::vector<std::pair<std::string, std::string>> skipped_;
};

}  // namespace norroy::bench

#endif  // NORROY_TESTS_BENCH_REPORT_H_
