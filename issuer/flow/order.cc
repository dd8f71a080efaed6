#include "issuer/flow/order.h"

#include "absl/strings/cord.h"
#include "common/check.h"
#include "common/error/error.h"

namespace norroy::flow {

absl::string_view StateName(State state) {
  switch (state) {
    case State::kQueued:
      return "QUEUED";
    case State::kOrdering:
      return "ORDERING";
    case State::kPresenting:
      return "PRESENTING";
    case State::kValidating:
      return "VALIDATING";
    case State::kWaitingForCsr:
      return "WAITING_FOR_CSR";
    case State::kFinalizing:
      return "FINALIZING";
    case State::kGivingUp:
      return "GIVING_UP";
    case State::kDone:
      return "DONE";
    case State::kFailed:
      return "FAILED";
    case State::kCancelled:
      return "CANCELLED";
  }
  NORROY_CHECK(false);
}

bool IsFinal(State state) {
  return state == State::kDone || state == State::kFailed || state == State::kCancelled;
}

OrderError OrderError::Of(const absl::Status& status) {
  OrderError error;
  error.code = status.code();
  error.reason = ErrorReason(status);
  error.message = std::string(status.message());
  error.metadata = ErrorMetadataOf(status);
  const absl::optional<absl::Cord> problem = status.GetPayload(kProblemPayload);
  if (problem.has_value()) error.problem = std::string(*problem);
  return error;
}

absl::Status OrderError::ToStatus() const {
  absl::Status status = MakeError(code, reason, message, metadata);
  if (!problem.empty()) status.SetPayload(kProblemPayload, absl::Cord(problem));
  return status;
}

}  // namespace norroy::flow
