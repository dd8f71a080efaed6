#ifndef NORROY_ISSUER_SOLVER_FAKE_LOOKS_H_
#define NORROY_ISSUER_SOLVER_FAKE_LOOKS_H_

// What viewpoints see, as the test tells it. By default "validator-1" sees every proof that is
// served, at once.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "issuer/solver/solver.h"

namespace norroy::solver {

// "validator-1" sees this; `code` empty: no finding.
types::v1::View ViewOf(types::v1::Verdict verdict, const std::string& code = "",
                       const std::string& viewpoint = "validator-1", int64_t again_after_ms = 0);

// Thread-safe.
class FakeLooks {
 public:
  using Views = std::vector<types::v1::View>;  // one a viewpoint

  // What looks at this name and type see from now on, one entry a look; the last one stays.
  void Show(const challenge::Name& name, challenge::ChallengeType type, std::vector<Views> rounds);
  // True: looks take until Finish.
  void SetSlow(bool slow);
  // Every look is over. Returns the ids of those that were not.
  std::vector<std::string> Finish();
  // What looks at the dns-persist-01 record of this name see from now on, one entry a viewpoint;
  // by default "validator-1" finds none.
  void ShowPersist(const std::string& name, Views views);
  // Looks fail with this until it is OK again.
  void Fail(absl::Status status);
  // Every look that was first asked for, in order.
  std::vector<LookOrder> asked();
  std::vector<PersistLook> persist_asked();

  // As Solver::Look. `served` tells whether a proof is.
  absl::StatusOr<std::optional<std::vector<NameView>>> Look(
      const LookOrder& order, const std::function<bool(const challenge::Proof&)>& served);
  // As Solver::LookPersist.
  void LookPersist(const PersistLook& look, const Solver::PersistDone& done);
  void Forget(const std::string& id, int64_t generation);

 private:
  struct Kept {
    int64_t generation = 0;
    int64_t round = 0;
    std::vector<NameView> views;
    bool over = false;
  };
  Views See(const challenge::Proof& proof, bool served) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  bool slow_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<challenge::Name, challenge::ChallengeType>, std::vector<Views>> rounds_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  std::vector<LookOrder> asked_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Views> persist_ ABSL_GUARDED_BY(mutex_);
  std::vector<PersistLook> persist_asked_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<Solver::PersistDone, Views>> slow_persist_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_FAKE_LOOKS_H_
