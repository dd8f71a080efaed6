#include "agent/presenter/memory_presenter.h"

#include "agent/presenter/presenter_contract.h"

namespace norroy::agent {
namespace {

class MemoryUnderTest final : public PresenterUnderTest {
 public:
  Presenter& presenter() override { return memory_; }
  std::string Look(const challenge::Proof& proof) override { return memory_.Look(proof); }

 private:
  MemoryPresenter memory_{challenge::ChallengeType::kHttp01};
};

std::unique_ptr<PresenterUnderTest> MakeMemory() { return std::make_unique<MemoryUnderTest>(); }
INSTANTIATE_TEST_SUITE_P(Memory, PresenterContract, testing::Values(&MakeMemory));

}  // namespace
}  // namespace norroy::agent
