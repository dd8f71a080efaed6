#ifndef NORROY_ISSUER_SOLVER_RELEASE_SENDER_H_
#define NORROY_ISSUER_SOLVER_RELEASE_SENDER_H_

// Sends releases to validators. Those who were shown the presentation are told with back-off until
// it arrived or the presentation's lease has ended; the others once: who was started on a database
// that they share has taken the presentation up from there, and who is not there now reads the
// release in it. Where one who was shown it cannot be reached the others are told as he would be.

#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "issuer/solver/call_registry.h"
#include "issuer/solver/validator_link.h"

namespace norroy::solver {

// Thread-safe. Held by shared_ptr: timers look at it weakly.
class ReleaseSender : public std::enable_shared_from_this<ReleaseSender> {
 public:
  // The references outlive the sender's Close.
  ReleaseSender(Timers& timers, Clock& clock) : timers_(timers), clock_(clock) {}

  // Returns at once. `validators` live until Close has returned; `shown`: indices of them.
  void Send(const Validators& validators, const std::set<size_t>& shown,
            const validator::v1::ReleaseRequest& request, absl::Time until);
  // Waits `grace` for what is on its way; nothing is sent after it.
  void Close(absl::Duration grace) { calls_.Close(grace); }

 private:
  struct Task {
    ValidatorLink* validator;
    validator::v1::ReleaseRequest request;
    absl::Time until;
    absl::Duration back_off;
    std::vector<ValidatorLink*> others;  // who is told if it cannot be reached
  };
  // Once, come what may.
  void Tell(ValidatorLink& validator, const validator::v1::ReleaseRequest& request);
  void Try(const Task& task);
  void Tried(const Task& task, const absl::Status& status);

  Timers& timers_;
  Clock& clock_;
  CallRegistry calls_;
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_RELEASE_SENDER_H_
