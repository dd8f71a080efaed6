#include "issuer/flow/deactivating.h"

#include <optional>

#include "issuer/acme/problem.h"
#include "issuer/flow/failure.h"

namespace norroy::flow {
namespace {

bool IsUnknownToTheCa(const absl::Status& status) {
  const std::optional<acme::Problem> problem = acme::ProblemOf(status);
  return problem.has_value() && (problem->status == 404 || problem->status == 410);
}

}  // namespace

absl::StatusOr<bool> Deactivate(acme::Client& ca, const std::string& url) {
  const absl::Status done = ca.DeactivateAuthorization(url);
  if (done.ok()) return true;
  if (IsWorthRepeating(done)) return done;
  const absl::StatusOr<acme::Authorization> read = ca.GetAuthorization(url);
  if (!read.ok()) {
    if (IsUnknownToTheCa(read.status())) return false;
    return IsWorthRepeating(read.status()) ? read.status() : done;
  }
  const bool lives = read->status == acme::AuthorizationStatus::kPending ||
                     read->status == acme::AuthorizationStatus::kValid;
  if (lives) return done;
  return false;
}

}  // namespace norroy::flow
