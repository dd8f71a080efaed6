#include "issuer/flow/grades.h"

#include <algorithm>

namespace norroy::flow {

Grade Grades::Of(const challenge::Name& name) const {
  const challenge::Name base = challenge::Name::Of(name.identifier(), /*wildcard=*/false);
  for (const Rule& rule : rules_) {
    const bool matches =
        std::any_of(rule.names.begin(), rule.names.end(), [&](const challenge::Pattern& pattern) {
          return pattern.text() == "." || pattern.Matches(base);
        });
    if (matches) return rule.grade;
  }
  return Grade::kAdvise;
}

}  // namespace norroy::flow
