#ifndef NORROY_ISSUER_SOLVER_LOOKER_H_
#define NORROY_ISSUER_SOLVER_LOOKER_H_

// Asks every validator at once to look at proofs, each a viewpoint, and keeps what they saw until a
// later look or the end of the presentation.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "issuer/solver/call_registry.h"
#include "issuer/solver/solver.h"
#include "issuer/solver/validator_link.h"

namespace norroy::solver {

// Thread-safe.
class Looker {
 public:
  // The references outlive the looker's Close.
  Looker(const Validators& validators, Clock& clock) : validators_(validators), clock_(clock) {}

  // As Solver::Look.
  absl::StatusOr<std::optional<std::vector<NameView>>> Look(const LookOrder& order);
  // Looks of this id up to `generation` are over.
  void Forget(const std::string& id, int64_t generation);
  void OnChange(std::function<void(const std::string& id)> changed);
  // Cancels what is open and waits for it.
  void Close();

 private:
  // One viewpoint's part of a look.
  struct Part {
    uint64_t call = 0;  // of the registry; 0: answered
    std::vector<NameView> views;
  };
  struct Entry {
    int64_t generation = 0;
    int64_t round = 0;
    uint64_t turn = 0;  // only answers to this one count
    std::vector<challenge::Proof> proofs;
    std::vector<Part> parts;  // by validator
    absl::Duration began;
  };
  using Result = std::optional<std::vector<NameView>>;

  Entry& Begin(const LookOrder& order) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Asks the validators that `entry` has open calls for.
  void Ask(const LookOrder& order, uint64_t turn, const std::vector<uint64_t>& calls);
  void Answered(const std::string& id, uint64_t turn, size_t validator,
                const absl::StatusOr<validator::v1::LookResponse>& answer);
  // Notes one viewpoint's part. True: it was the last that was open.
  bool Note(const std::string& id, uint64_t turn, size_t validator,
            const absl::StatusOr<validator::v1::LookResponse>& answer);
  void End(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of orders that never came back to release them.
  void Prune() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static Result ResultOf(const Entry& entry);

  const Validators& validators_;
  Clock& clock_;
  CallRegistry calls_;
  Mutex mutex_;
  std::function<void(const std::string& id)> changed_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_turn_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_LOOKER_H_
