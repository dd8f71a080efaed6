#include "issuer/solver/validator_solver.h"

#include <optional>
#include <string>
#include <utility>

#include "common/check.h"
#include "issuer/solver/looker.h"
#include "issuer/solver/persist_looker.h"
#include "issuer/solver/planner.h"
#include "issuer/solver/presentation_convert.h"
#include "issuer/solver/presentation_keeper.h"
#include "issuer/solver/release_sender.h"

namespace norroy::solver {
namespace {

constexpr absl::Duration kReleasesAtEnd = absl::Seconds(2);

class ValidatorSolver final : public Solver {
 public:
  explicit ValidatorSolver(ValidatorSolverOptions options)
      : validators_(std::move(options.validators)),
        planner_(validators_),
        keeper_(std::make_shared<PresentationKeeper>(validators_, planner_, options.timers,
                                                     options.clock)),
        looker_(validators_, options.clock),
        persist_looker_(validators_, options.clock),
        releases_(std::make_shared<ReleaseSender>(options.timers, options.clock)) {
    NORROY_CHECK(!validators_.empty());
  }

  ~ValidatorSolver() override {
    OnChange(nullptr);
    releases_->Close(kReleasesAtEnd);
    looker_.Close();
    persist_looker_.Close();
    keeper_->Close();
  }

  absl::StatusOr<std::vector<NamePlan>> Plan(const std::vector<challenge::Name>& names) override {
    return planner_.Plan(names);
  }

  absl::StatusOr<std::vector<challenge::Name>> Unanswerable(
      const std::vector<challenge::Name>& names) override {
    return planner_.Unanswerable(names);
  }

  absl::StatusOr<PresentationStatus> Present(const Presentation& presentation) override {
    return keeper_->Present(presentation);
  }

  absl::StatusOr<std::optional<PresentationStatus>> Recheck(const std::string& id,
                                                            int64_t generation) override {
    return keeper_->Recheck(id, generation);
  }

  absl::Status Release(const std::string& id, int64_t generation,
                       absl::Time tombstone_until) override {
    looker_.Forget(id, generation);
    const auto request = ToReleaseRequest(id, generation, tombstone_until);
    releases_->Send(validators_, keeper_->Forget(id, generation), request, tombstone_until);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::vector<NameView>>> Look(const LookOrder& order) override {
    return looker_.Look(order);
  }

  void LookPersist(const PersistLook& look, const PersistDone& done) override {
    persist_looker_.Look(look, done);
  }

  void OnChange(std::function<void(const std::string& id)> changed) override {
    looker_.OnChange(changed);
    keeper_->OnChange(std::move(changed));
  }

 private:
  const Validators validators_;
  Planner planner_;
  const std::shared_ptr<PresentationKeeper> keeper_;
  Looker looker_;
  PersistLooker persist_looker_;
  const std::shared_ptr<ReleaseSender> releases_;
};

}  // namespace

std::unique_ptr<Solver> MakeValidatorSolver(ValidatorSolverOptions options) {
  return std::make_unique<ValidatorSolver>(std::move(options));
}

}  // namespace norroy::solver
