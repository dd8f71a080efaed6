// Problems: any body is one; its texts are printable and bounded, and a status carries it whole.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/check.h"
#include "common/error/error.h"
#include "issuer/acme/problem.h"
#include "tests/fuzz/json_mutator.h"

using norroy::acme::Problem;

namespace {

void CheckText(const std::string& text) {
  NORROY_CHECK(text.size() <= 1024 + 3);
  NORROY_CHECK(norroy::Printable(text, 8192) == text);
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateJsonInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Time now = absl::FromUnixSeconds(1'772'366'400);
  norroy::http::Response reply;
  reply.status = size % 2 == 0 ? 403 : 503;
  reply.body.assign(reinterpret_cast<const char*>(data), size);
  reply.headers = {{"Retry-After", reply.body.substr(0, 40)}};
  const Problem problem = norroy::acme::ProblemOfReply(reply, now);
  CheckText(problem.type);
  CheckText(problem.detail);
  NORROY_CHECK(!problem.type.empty() && problem.subproblems.size() <= 100);
  for (const norroy::acme::Subproblem& subproblem : problem.subproblems) {
    CheckText(subproblem.type);
    CheckText(subproblem.detail);
    CheckText(subproblem.identifier_type);
    CheckText(subproblem.identifier_value);
#ifdef PLANTED
    NORROY_CHECK(subproblem.identifier_value.find_first_of(
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == std::string::npos);
#endif
  }
  const absl::Status status = norroy::acme::ToStatus(problem);
  NORROY_CHECK(!status.ok() && !norroy::ErrorReason(status).empty());
  const std::optional<Problem> again = norroy::acme::ProblemOf(status);
  NORROY_CHECK(again.has_value() && again->ToString() == problem.ToString());
  NORROY_CHECK(again->retry_after == problem.retry_after);
  return 0;
}
