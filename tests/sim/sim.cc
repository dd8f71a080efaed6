#include "tests/sim/sim.h"

#include <algorithm>

#include "common/check.h"
#include "common/error/error.h"
#include "tests/sim/fiber.h"

namespace norroy::sim {
namespace {

absl::Time Beginning() {
  return absl::FromCivil(absl::CivilSecond(2026, 3, 1, 12, 0, 0), absl::UTCTimeZone());
}

}  // namespace

absl::Status Dead() {
  return MakeError(absl::StatusCode::kUnavailable, "DEAD", "the process was killed");
}

Sim::Sim(const SimOptions& sim_options)
    : options(sim_options),
      chance(options.seed),
      scheduler(Beginning(), chance),
      history(options.trace),
      faults(options.seed, chance, coverage) {}

Fiber* Sim::Start(const LifePtr& life, Scheduler::Task body) {
  const auto self = std::make_shared<Fiber*>(nullptr);
  Fiber* const fiber = scheduler.Start([life, self, body = std::move(body)] {
    body();
    auto& fibers = life->fibers;
    fibers.erase(std::find(fibers.begin(), fibers.end(), *self));
  });
  *self = fiber;
  life->fibers.push_back(fiber);
  return fiber;
}

void Sim::Pause(const Life& life, absl::Duration delay) {
  if (!life.dead) scheduler.Pause(delay);
}

void Sim::Pause(const Life& life, absl::Duration low, absl::Duration high) {
  if (!life.dead) scheduler.Pause(chance.Between(low, high));
}

void Sim::Kill(Life& life, absl::string_view why) {
  NORROY_CHECK(!life.dead);
  Note(life.name, " dies: ", why);
  life.dead = true;
  for (const Scheduler::Task& task : std::exchange(life.at_death, {})) task();
}

void Sim::Bury(Life& life) {
  NORROY_CHECK(life.dead && scheduler.current() == nullptr);
  while (!life.fibers.empty()) scheduler.Resume(life.fibers.front());
}

std::string Sim::NameOf(const std::string& order_id) {
  std::string& name = names_[order_id];
  if (name.empty()) name = absl::StrCat("o", names_.size());
  return name;
}

flow::State Sim::StateOf(const std::string& order_id) const {
  const auto it = states_.find(order_id);
  return it == states_.end() ? flow::State::kQueued : it->second;
}

void Sim::SetState(const std::string& order_id, flow::State state) {
  const auto [it, added] = states_.try_emplace(order_id, state);
  if (!added && it->second == state) return;
  it->second = state;
  Note(NameOf(order_id), " ", flow::StateName(state));
  if (on_state) on_state(order_id);
}

void Sim::NoteSaved(const std::string& order_id, flow::State state) {
  SetState(order_id, state);
  const auto [it, added] = saved_.try_emplace(order_id, state, now());
  const flow::State before = it->second.first;
  if (added || before == state) return;
  it->second = {state, now()};
  // I1: an end is the end, but for a failed order, which may be retried.
  if (before != flow::State::kDone && before != flow::State::kCancelled) return;
  Violate("I1", absl::StrCat(NameOf(order_id), " was ", flow::StateName(before), " and is ",
                             flow::StateName(state)));
}

absl::Duration Sim::AtRestSince(const std::string& order_id) const {
  const auto it = saved_.find(order_id);
  const bool at_rest = it != saved_.end() && (flow::IsFinal(it->second.first) ||
                                              it->second.first == flow::State::kWaitingForCsr);
  return at_rest ? it->second.second : absl::InfiniteDuration();
}

bool Sim::Strikes(Fault fault, const std::string& order_id, flow::State state) {
  if (!faults.Strikes(fault, state)) return false;
  Note("* ", FaultName(fault), " (", NameOf(order_id), " ", flow::StateName(state), ")");
  return true;
}

bool Sim::Strikes(Fault fault, const std::string& order_id) {
  return Strikes(fault, order_id, StateOf(order_id));
}

std::string Sim::CurrentOrder() {
  const Fiber* const fiber = scheduler.current();
  return fiber == nullptr ? "" : fiber->order_id;
}

bool Sim::Strikes(Fault fault) {
  const std::string order_id = CurrentOrder();
  return !order_id.empty() && Strikes(fault, order_id, StateHere(order_id));
}

flow::State Sim::StateHere(const std::string& order_id) {
  const Fiber* const fiber = scheduler.current();
  const bool known = fiber != nullptr && fiber->order_id == order_id && fiber->state >= 0;
  return known ? static_cast<flow::State>(fiber->state) : StateOf(order_id);
}

absl::Duration Sim::Delay() {
  const bool late = faults.late_messages() && chance.OneIn(2);
  return chance.Between(absl::Microseconds(200), late ? absl::Seconds(1) : absl::Milliseconds(15));
}

void Sim::Violate(absl::string_view invariant, absl::string_view what) {
  Note("VIOLATED ", invariant, ": ", what);
  violations_.push_back(absl::StrCat(invariant, ": ", what));
}

}  // namespace norroy::sim
