#ifndef NORROY_ISSUER_FLOW_GRADES_H_
#define NORROY_ISSUER_FLOW_GRADES_H_

// How much a look before the CA is told counts for which names: the operator's choice.

#include <utility>
#include <vector>

#include "common/challenge/identifier.h"
#include "common/challenge/pattern.h"

namespace norroy::flow {

enum class Grade {
  kOff,     // nobody looks
  kAdvise,  // what was seen is kept; the CA is told in any case
  kGate,    // the CA is not told before the proof was seen
};

class Grades {
 public:
  struct Rule {
    std::vector<challenge::Pattern> names;
    Grade grade = Grade::kAdvise;
  };

  Grades() = default;
  explicit Grades(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  // Of the first rule that matches `name` without its "*."; kAdvise where none does. "." matches
  // addresses too.
  Grade Of(const challenge::Name& name) const;

 private:
  std::vector<Rule> rules_;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_GRADES_H_
