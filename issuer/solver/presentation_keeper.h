#ifndef NORROY_ISSUER_SOLVER_PRESENTATION_KEEPER_H_
#define NORROY_ISSUER_SOLVER_PRESENTATION_KEEPER_H_

// What this process knows of presentations, kept fresh by one held call at a validator for as long
// as the proofs are being put up. The next validator is asked when one cannot be reached.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/sync/mutex.h"
#include "issuer/solver/call_registry.h"
#include "issuer/solver/planner.h"
#include "issuer/solver/solver.h"
#include "issuer/solver/validator_link.h"

namespace norroy::solver {

// Thread-safe. Held by shared_ptr: timers look at it weakly.
class PresentationKeeper : public std::enable_shared_from_this<PresentationKeeper> {
 public:
  // The references outlive the keeper's Close.
  PresentationKeeper(const Validators& validators, const Planner& planner, Timers& timers,
                     Clock& clock)
      : validators_(validators), planner_(planner), timers_(timers), clock_(clock) {}

  // As in Solver.
  absl::StatusOr<PresentationStatus> Present(const Presentation& presentation);
  absl::StatusOr<std::optional<PresentationStatus>> Recheck(const std::string& id,
                                                            int64_t generation);
  void OnChange(std::function<void(const std::string& id)> changed);
  // Forgets the presentation up to `generation`. Returns the validators that were shown it, or may
  // have been shown an earlier generation by another process; all, if it is not known here.
  std::set<size_t> Forget(const std::string& id, int64_t generation);
  // Cancels what is open and waits for it.
  void Close();

 private:
  using Answer = absl::StatusOr<validator::v1::PresentResponse>;
  // A call to be made once the lock is given back; empty: none.
  using Action = std::function<void()>;

  // A call in the air, or the rest before the next; turn 0: none. Only its own answer counts.
  struct Call {
    uint64_t turn = 0;
    uint64_t call = 0;  // of the registry; 0 while resting
  };
  // A presentation as this process knows it.
  struct Entry {
    int64_t generation = 0;
    absl::Time not_after;
    std::vector<FailedType> failed_types;
    validator::v1::PresentRequest request;
    PresentationStatus status;
    absl::Status error;  // for the next Present
    int64_t revision = 0;
    size_t validator = 0;  // that is asked
    size_t tried = 0;      // validators in a row that could not be reached
    std::set<size_t> shown;
    Call held;
    absl::Duration call_began;
    Call recheck;
    std::optional<absl::StatusOr<PresentationStatus>> rechecked;  // for the next Recheck
  };

  std::set<size_t> AllValidators() const;
  // Makes the entry wish what `presentation` says; forgets what was known of another wish.
  absl::Status Wish(const Presentation& presentation, Entry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Action StartCall(const std::string& id, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Action Rest(const std::string& id, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Rested(const std::string& id, uint64_t turn);
  void EndCalls(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answered(const std::string& id, uint64_t turn, const Answer& answer);
  // Takes an answer in. True: something changed.
  bool TakeFailure(const std::string& id, Entry& entry, const absl::Status& status, Action& next)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeAnswer(const std::string& id, Entry& entry, const validator::v1::PresentResponse& answer,
                  Action& next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Action StartRecheck(const std::string& id, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Rechecked(const std::string& id, uint64_t turn, const Answer& answer);
  // Entries whose orders never came back to release them: their leases have ended.
  void Prune() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Validators& validators_;
  const Planner& planner_;
  Timers& timers_;
  Clock& clock_;
  CallRegistry calls_;

  Mutex mutex_;
  std::function<void(const std::string& id)> changed_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_turn_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_PRESENTATION_KEEPER_H_
