#include "issuer/solver/fake_solver.h"

#include "issuer/solver/solver_contract.h"

namespace norroy::solver {
namespace {

class Fake final : public SolverUnderTest {
 public:
  Solver& solver() override { return solver_; }
  FakeSolver& agents() override { return solver_; }
  SimulatedClock& clock() override { return clock_; }
  void Settle() override {}

 private:
  SimulatedClock clock_{absl::FromUnixSeconds(1'772'366'400)};
  FakeSolver solver_{clock_};
};

INSTANTIATE_TEST_SUITE_P(FakeSolver, SolverContract,
                         ::testing::Values([] { return std::make_unique<Fake>(); }));

}  // namespace
}  // namespace norroy::solver
