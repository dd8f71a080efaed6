#ifndef NORROY_TESTS_SIM_SIM_LINK_H_
#define NORROY_TESTS_SIM_SIM_LINK_H_

// The issuer's wire to one validator, for one life of the issuer: calls and answers take time, get
// lost, and end when either side does.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "issuer/solver/validator_link.h"
#include "tests/sim/sim.h"
#include "tests/sim/validator.h"

namespace norroy::sim {

// The calls that a life of the issuer has open, at all validators.
struct OpenCalls {
  std::vector<std::function<void()>> abort;  // of each, over or not
  // Every call fails now; what fails may call again, and that fails too.
  void AbortAll();
};

struct LinkParts {
  Sim& sim;
  LifePtr issuer;
  Validator& validator;
  Wire& wire;
  std::shared_ptr<OpenCalls> open;
  // What a viewpoint sees of a proof.
  std::function<bool(const types::v1::Proof& proof)> served;
};

std::unique_ptr<solver::ValidatorLink> MakeSimLink(LinkParts parts);

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_SIM_LINK_H_
