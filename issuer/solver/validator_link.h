#ifndef NORROY_ISSUER_SOLVER_VALIDATOR_LINK_H_
#define NORROY_ISSUER_SOLVER_VALIDATOR_LINK_H_

// One validator's PresentationService and PreflightService as a port (protos/norroy/validator/v1).
// The real one is grpc_validator_link.h.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "norroy/validator/v1/preflight_service.pb.h"
#include "norroy/validator/v1/presentation_service.pb.h"

namespace norroy::solver {

// Thread-safe. A `done` is called exactly once, on any thread but never inside the call that was
// given it or its cancellation. What an asynchronous call returns cancels it: `done` then comes
// soon. It may be called at any time, also after `done`.
class ValidatorLink {
 public:
  using Cancel = std::function<void()>;
  using PresentDone = std::function<void(absl::StatusOr<validator::v1::PresentResponse>)>;
  using ReleaseDone = std::function<void(absl::Status)>;
  using LookDone = std::function<void(absl::StatusOr<validator::v1::LookResponse>)>;
  using LookPersistDone = std::function<void(absl::StatusOr<validator::v1::LookPersistResponse>)>;

  virtual ~ValidatorLink() = default;

  // "host:port", for messages.
  virtual const std::string& address() const = 0;
  // Blocks.
  virtual absl::StatusOr<validator::v1::PlanResponse> Plan(
      const validator::v1::PlanRequest& request, absl::Duration timeout) = 0;
  virtual Cancel Present(const validator::v1::PresentRequest& request, absl::Duration timeout,
                         PresentDone done) = 0;
  virtual Cancel Release(const validator::v1::ReleaseRequest& request, absl::Duration timeout,
                         ReleaseDone done) = 0;
  virtual Cancel Look(const validator::v1::LookRequest& request, absl::Duration timeout,
                      LookDone done) = 0;
  virtual Cancel LookPersist(const validator::v1::LookPersistRequest& request,
                             absl::Duration timeout, LookPersistDone done) = 0;
};

// At least one; lives as long as whoever asks them.
using Validators = std::vector<std::unique_ptr<ValidatorLink>>;

// Another validator, or the same one later, may do better.
inline bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status) || absl::IsResourceExhausted(status) || absl::IsAborted(status);
}

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_VALIDATOR_LINK_H_
