#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

constexpr StateRow kTable[] = {
    {State::kQueued, Queue, absl::InfiniteDuration(), "nothing"},
    {State::kOrdering, PlaceOrder, absl::InfiniteDuration(), "flight, CA order"},
    {State::kPresenting, Present, absl::InfiniteDuration(), "flight, CA order, presentation"},
    {State::kValidating, Validate, absl::Minutes(10), "flight, CA order, presentation"},
    {State::kWaitingForCsr, WaitForCsr, absl::InfiniteDuration(), "nothing"},
    {State::kFinalizing, Finalize, absl::InfiniteDuration(), "flight, CA order"},
    {State::kGivingUp, CleanUp, absl::InfiniteDuration(), "what is being given back"},
};

}  // namespace

const StateRow* RowOf(State state) {
  for (const StateRow& row : kTable) {
    if (row.state == state) return &row;
  }
  return nullptr;
}

}  // namespace norroy::flow
