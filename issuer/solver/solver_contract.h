#ifndef NORROY_ISSUER_SOLVER_SOLVER_CONTRACT_H_
#define NORROY_ISSUER_SOLVER_SOLVER_CONTRACT_H_

// What every Solver must do (solver.h), as tests. An implementation's test instantiates them:
//
//   INSTANTIATE_TEST_SUITE_P(Mine, SolverContract, ::testing::Values(&MakeMine));

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "issuer/solver/fake_solver.h"
#include "issuer/solver/solver.h"

namespace norroy::solver {

// A solver, and the agents behind it as a FakeSolver plays them.
class SolverUnderTest {
 public:
  virtual ~SolverUnderTest() = default;
  virtual Solver& solver() = 0;
  virtual FakeSolver& agents() = 0;
  virtual SimulatedClock& clock() = 0;
  // Until all that was begun has happened.
  virtual void Settle() = 0;
};

class SolverContract
    : public ::testing::TestWithParam<std::function<std::unique_ptr<SolverUnderTest>()>> {
 protected:
  SolverContract() : under_test_(GetParam()()) {
    solver().OnChange([this](const std::string& id) {
      MutexLock lock(&mutex_);
      changed_.push_back(id);
    });
  }
  ~SolverContract() override { under_test_->Settle(); }

  Solver& solver() { return under_test_->solver(); }
  FakeSolver& agents() { return under_test_->agents(); }
  void Settle() { under_test_->Settle(); }
  absl::Time Soon() { return under_test_->clock().Now() + absl::Minutes(15); }
  // Proofs for HTTP-01 and DNS-01 of each name; the tokens are "<name>-<type>-<generation>", with
  // "-" for the dots.
  Presentation Wish(const std::string& id, int64_t generation,
                    const std::vector<std::string>& names);
  // Present, and again when what it began has happened.
  absl::StatusOr<PresentationStatus> PresentAndSettle(const Presentation& wish) {
    const absl::StatusOr<PresentationStatus> first = solver().Present(wish);
    Settle();
    // An error that came at once is the answer; it is not asked for twice.
    return first.ok() ? solver().Present(wish) : first;
  }
  std::vector<std::string> TakeChanged() {
    MutexLock lock(&mutex_);
    return std::exchange(changed_, {});
  }

  // A look at the HTTP-01 proofs of Wish(id, generation, names).
  LookOrder At(const std::string& id, int64_t generation, int64_t round,
               const std::vector<std::string>& names);
  // Look, and again when what it began has happened.
  absl::StatusOr<std::optional<std::vector<NameView>>> LookAndSettle(const LookOrder& order) {
    const auto first = solver().Look(order);
    Settle();
    return first.ok() && !first->has_value() ? solver().Look(order) : first;
  }
  // What the viewpoints say once what this began has happened; unset: nothing yet.
  std::optional<std::vector<types::v1::View>> LookPersistAndSettle(const PersistLook& look);
  absl::StatusOr<std::optional<PresentationStatus>> RecheckAndSettle(const std::string& id,
                                                                     int64_t generation) {
    const auto first = solver().Recheck(id, generation);
    Settle();
    return first.ok() && !first->has_value() ? solver().Recheck(id, generation) : first;
  }

 private:
  Mutex mutex_;
  std::vector<std::string> changed_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<SolverUnderTest> under_test_;
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_SOLVER_CONTRACT_H_
