// Whatever callers, the CA, agents, the clock, the database and the power supply do to an issuer,
// in whatever order: see order_machine.h for the input, order_rules.h for what must hold.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "common/log/log.h"
#include "issuer/flow/order_machine.h"
#include "tests/fuzz/program.h"

namespace {

// Lines are made, which is a part of the test, and thrown away.
bool Silent() {
  norroy::log::SetSink([](absl::string_view) {});
  return true;
}

#ifdef PLANTED
// The guard that a finalize is remembered before it is sent is broken: a process that starts with
// two such orders takes none of their certificates as its own.
void ForgetIntents(norroy::flow::FlowFixture& fixture) {
  std::vector<norroy::flow::Order> finalizing;
  auto stored = fixture.store().ListOrders({.states = {norroy::flow::State::kFinalizing}},
                                           norroy::store::PageKey(), 10);
  for (norroy::flow::Order& order : *stored) {
    if (!order.finalize_intent_url.empty()) finalizing.push_back(std::move(order));
  }
  if (finalizing.size() < 2) return;
  for (const norroy::flow::Order& order : finalizing) {
    const auto forgotten =
        fixture.store().ChangeOrder(order.id, true,
                                    [](norroy::flow::Order& stored) {
                                      stored.finalize_intent_url.clear();
                                      return absl::OkStatus();
                                    },
                                    {"operator/planted", "order.forget", order.id, ""});
  }
}
#else
constexpr auto ForgetIntents = nullptr;
#endif

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateProgramInput(data, size, max_size, seed, norroy::flow::kVerbs,
                                          norroy::flow::kMaxOperations);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool silent = Silent();
  static_cast<void>(silent);
  norroy::flow::OrderMachine machine(ForgetIntents);
  machine.Run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
