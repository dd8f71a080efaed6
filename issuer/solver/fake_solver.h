#ifndef NORROY_ISSUER_SOLVER_FAKE_SOLVER_H_
#define NORROY_ISSUER_SOLVER_FAKE_SOLVER_H_

// A Solver in memory, for tests: what a validator and its agents would do, as the test tells it.
// By default "web1" answers for every name that is no wildcard by HTTP-01, at once. A fake CA asks
// Served(token) to see what a probe of it would find. What viewpoints see: fake_looks.h.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "issuer/solver/fake_looks.h"
#include "issuer/solver/solver.h"

namespace norroy::solver {

// Thread-safe. The function given to OnChange is called inside the call that changed something.
class FakeSolver final : public Solver {
 public:
  // Leases end by `clock`, which outlives this object.
  explicit FakeSolver(Clock& clock) : clock_(clock) {}

  // Who would answer for `name`, instead of the default.
  void SetPlan(const challenge::Name& name, std::vector<TypePlan> types);
  // False: presentations stay kPuttingUp until MakeReady. True (the default): ready at once,
  // unless an agent is missing.
  void SetAutoReady(bool auto_ready);
  // All names of the presentation that did not fail are acked by their agents.
  void MakeReady(const std::string& id);
  // From now on nobody can serve `name` by `type`: presentations that try fail, also those that
  // are up.
  void FailType(const challenge::Name& name, challenge::ChallengeType type, std::string error);
  // An agent went and came back: nothing else is different.
  void Reattach(const std::string& id);
  // What viewpoints see; FinishLooks ends those that are under way.
  FakeLooks& looks() { return looks_; }
  void FinishLooks() { Changed(looks_.Finish()); }
  // Plan and Present answer this until it is OK again.
  void FailCalls(absl::Status status);

  // The key authorization that is served for `token` now; unset: a probe would get 404.
  std::optional<std::string> Served(absl::string_view token);
  // Whether something is served for the presentation now.
  bool Serves(absl::string_view id);
  // How many tokens are served now.
  int served_count();
  // Every generation that was first presented, in order.
  std::vector<Presentation> presented();
  // Every release, in order.
  std::vector<std::pair<std::string, int64_t>> released();
  int plan_calls();

  absl::StatusOr<std::vector<NamePlan>> Plan(const std::vector<challenge::Name>& names) override;
  absl::StatusOr<std::vector<challenge::Name>> Unanswerable(
      const std::vector<challenge::Name>& names) override;
  absl::StatusOr<PresentationStatus> Present(const Presentation& presentation) override;
  absl::StatusOr<std::optional<PresentationStatus>> Recheck(const std::string& id,
                                                            int64_t generation) override;
  absl::Status Release(const std::string& id, int64_t generation,
                       absl::Time tombstone_until) override;
  absl::StatusOr<std::optional<std::vector<NameView>>> Look(const LookOrder& order) override;
  void LookPersist(const PersistLook& look, const PersistDone& done) override {
    looks_.LookPersist(look, done);
  }
  void OnChange(std::function<void(const std::string& id)> changed) override;

 private:
  struct Kept {
    Presentation wish;
    bool acked = false;
    int64_t revision = 1;
  };
  struct ServedProof {
    std::string id;
    int64_t generation;
    std::string key_authorization;
    absl::Time not_after;
  };

  std::vector<TypePlan> PlanOf(const challenge::Name& name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Which type of the name is to be served, and how far that is.
  PresentedName Judge(const Kept& kept, const challenge::Name& name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  PresentationStatus StatusOf(const Kept& kept) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes what is served equal to what is ready.
  void Serve(const Kept& kept) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(const std::string& id, int64_t up_to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Changed(const std::vector<std::string>& ids) ABSL_LOCKS_EXCLUDED(mutex_);

  Clock& clock_;
  FakeLooks looks_;
  Mutex mutex_;
  std::function<void(const std::string& id)> changed_ ABSL_GUARDED_BY(mutex_);
  bool auto_ready_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::map<challenge::Name, std::vector<TypePlan>> plans_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<challenge::Name, challenge::ChallengeType>, std::string> broken_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> tombstones_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, ServedProof, std::less<>> served_ ABSL_GUARDED_BY(mutex_);
  std::vector<Presentation> presented_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, int64_t>> released_ ABSL_GUARDED_BY(mutex_);
  int plan_calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_FAKE_SOLVER_H_
