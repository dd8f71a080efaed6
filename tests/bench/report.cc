#include "tests/bench/report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace norroy::bench {
namespace {

// As many digits as mean something.
std::string NumberText(double value) {
  if (value >= 100) return absl::StrFormat("%.0f", value);
  return value >= 10 ? absl::StrFormat("%.1f", value) : absl::StrFormat("%.2f", value);
}

std::string VerdictText(const Row& row) {
  if (!row.has_target()) return "";
  return row.met() ? "met" : "missed";
}

}  // namespace

absl::Duration Percentile(Times times, double p) {
  std::sort(times.begin(), times.end());
  return times[static_cast<size_t>(p * static_cast<double>(times.size() - 1))];
}

std::string Row::ValueText() const { return absl::StrCat(NumberText(value), " ", unit); }

std::string Row::TargetText() const {
  if (at_most.has_value()) return absl::StrCat("<= ", *at_most, " ", unit);
  if (at_least.has_value()) return absl::StrCat(">= ", *at_least, " ", unit);
  return "";
}

void Report::Add(Row row) {
  std::printf("%-10s %-46s %12s  %-12s %s\n", row.suite.c_str(), row.what.c_str(),
              row.ValueText().c_str(), row.TargetText().c_str(), VerdictText(row).c_str());
  std::fflush(stdout);
  rows_.push_back(std::move(row));
}

void Report::AddTimes(const std::string& suite, const std::string& what, const Times& times) {
  for (const auto& [name, p] : {std::pair<const char*, double>{"p50", 0.5}, {"p90", 0.9}}) {
    Add({.suite = suite,
         .what = absl::StrCat(what, ", ", name),
         .value = absl::ToDoubleMilliseconds(Percentile(times, p)),
         .unit = "ms"});
  }
}

void Report::Skip(const std::string& suite, const std::string& why) {
  std::printf("%-10s skipped: %s\n", suite.c_str(), why.c_str());
  std::fflush(stdout);
  skipped_.emplace_back(suite, why);
}

std::string Report::Json() const {
  nlohmann::json all = nlohmann::json::array();
  for (const Row& row : rows_) {
    nlohmann::json object = {
        {"suite", row.suite}, {"what", row.what}, {"value", row.value}, {"unit", row.unit}};
    if (row.at_most.has_value()) object["at_most"] = *row.at_most;
    if (row.at_least.has_value()) object["at_least"] = *row.at_least;
    if (row.has_target()) object["met"] = row.met();
    all.push_back(std::move(object));
  }
  return nlohmann::json{{"rows", all}}.dump(1);
}

std::string Report::Markdown() const {
  std::string text;
  std::string suite;
  for (const Row& row : rows_) {
    if (row.suite != suite) {
      suite = row.suite;
      absl::StrAppend(&text, "\n### ", suite, "\n\n| | measured | target | |\n|---|---|---|---|\n");
    }
    absl::StrAppend(&text, "| ", row.what, " | ", row.ValueText(), " | ", row.TargetText(), " | ",
                    VerdictText(row), " |\n");
  }
  if (!skipped_.empty()) absl::StrAppend(&text, "\n### Not measured\n\n");
  for (const auto& [name, why] : skipped_) absl::StrAppend(&text, "- ", name, ": ", why, "\n");
  return text;
}

std::string Report::Summary() const {
  int targets = 0, met = 0;
  for (const Row& row : rows_) {
    if (!row.has_target()) continue;
    ++targets;
    if (row.met()) ++met;
  }
  return absl::StrCat(targets, " targets, ", met, " met");
}

}  // namespace norroy::bench
