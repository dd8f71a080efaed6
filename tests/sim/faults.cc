#include "tests/sim/faults.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace norroy::sim {
namespace {

using flow::State;

constexpr State kAllStates[] = {
    State::kQueued,        State::kOrdering,   State::kPresenting, State::kValidating,
    State::kWaitingForCsr, State::kFinalizing, State::kGivingUp,   State::kDone,
    State::kFailed,        State::kCancelled,
};

constexpr unsigned Set() { return 0; }
template <typename... More>
constexpr unsigned Set(State first, More... more) {
  return 1U << static_cast<unsigned>(first) | Set(more...);
}
constexpr unsigned kEvery = (1U << kStates) - 1;

// In which states a fault can strike, and why in no other.
struct Row {
  Fault fault;
  const char* name;
  unsigned states = kEvery;
  const char* why_no_other = "";
};

constexpr unsigned kCaCalls =
    Set(State::kOrdering, State::kValidating, State::kFinalizing, State::kGivingUp);
constexpr char kNoCaCall[] = "no request is sent to the CA for an order in this state";
constexpr unsigned kWithCaOrder = kEvery & ~Set(State::kQueued, State::kDone);
constexpr char kNoCaOrder[] = "an order in this state has no CA order that is open";
constexpr unsigned kTelling = Set(State::kValidating);
constexpr char kNotTold[] = "the CA is told of challenges in VALIDATING alone";
constexpr unsigned kSending = Set(State::kFinalizing);
constexpr char kNoFinalize[] = "finalize is sent in FINALIZING alone";
constexpr unsigned kPlanning = Set(State::kQueued, State::kOrdering, State::kPresenting,
                                   State::kValidating, State::kFinalizing);
constexpr char kNoPlan[] = "nobody is asked who would answer for an order in this state";
constexpr unsigned kShowing = Set(State::kPresenting);
constexpr char kNotShown[] =
    "proofs are put up and looked at in PRESENTING; a renewal in VALIDATING comes after 7 minutes "
    "of it, of 10 at most";
constexpr unsigned kAsking = Set(State::kPresenting, State::kValidating);
constexpr char kNotAsked[] = "no answer about a presentation is waited for in this state";

constexpr Row kRows[] = {
    {Fault::kBadNonce, "bad nonce", kCaCalls, kNoCaCall},
    {Fault::kBadNonceBare, "bad nonce, no new one", kCaCalls, kNoCaCall},
    {Fault::kNotSent, "request not sent", kCaCalls, kNoCaCall},
    {Fault::kRequestLost, "request lost", kCaCalls, kNoCaCall},
    {Fault::kReplyLost, "reply lost", kCaCalls, kNoCaCall},
    {Fault::kServerError, "500", kCaCalls, kNoCaCall},
    {Fault::kServerErrorLate, "500, but done", kCaCalls, kNoCaCall},
    {Fault::kRateLimited, "429", kCaCalls, kNoCaCall},
    {Fault::kOverloaded, "503", kCaCalls, kNoCaCall},
    {Fault::kSlowCa, "slow CA", kCaCalls, kNoCaCall},
    {Fault::kSilentCa, "silent CA", kCaCalls, kNoCaCall},
    {Fault::kOrderInvalid, "CA order invalid", kWithCaOrder, kNoCaOrder},
    {Fault::kAuthorizationLost, "authorization lost", kWithCaOrder, kNoCaOrder},
    {Fault::kCaLooksElsewhere, "CA looks elsewhere", kTelling, kNotTold},
    {Fault::kLongValidation, "long validation", kTelling, kNotTold},
    {Fault::kLongProcessing, "long processing", kSending, kNoFinalize},
    {Fault::kIssuerDiesBeforeRequest, "issuer dies before request", kCaCalls, kNoCaCall},
    {Fault::kIssuerDiesAfterReply, "issuer dies after reply", kCaCalls, kNoCaCall},
    {Fault::kIssuerDiesBeforeWrite, "issuer dies before write"},
    {Fault::kIssuerDiesAfterWrite, "issuer dies after write"},
    {Fault::kIssuerDiesAtRest, "issuer dies at rest"},
    {Fault::kFrozenAfterReply, "frozen after reply", kCaCalls, kNoCaCall},
    {Fault::kFrozenBeforeWrite, "frozen before write"},
    {Fault::kWriteFails, "write fails"},
    {Fault::kIssuerClockJumps, "issuer's clock jumps"},
    {Fault::kPlanLost, "plan lost", kPlanning, kNoPlan},
    {Fault::kPresentLost, "present lost", kAsking, kNotAsked},
    {Fault::kPresentAnswerLost, "present's answer lost", kAsking, kNotAsked},
    {Fault::kReleaseLost, "release lost"},
    {Fault::kLinkDown, "validator out of reach"},
    {Fault::kValidatorDiesBefore, "validator dies before"},
    {Fault::kValidatorDiesAfter, "validator dies after"},
    {Fault::kValidatorWriteFails, "validator's write fails"},
    {Fault::kLookUnknown, "look: unknown", kShowing, kNotShown},
    {Fault::kLookWaits, "look: wait", kShowing, kNotShown},
    {Fault::kLookFails, "look: fails", kShowing, kNotShown},
    {Fault::kAgentCut, "agent cut off"},
    {Fault::kAgentSlow, "agent slow"},
    {Fault::kAgentRefuses, "agent refuses", kShowing, kNotShown},
    {Fault::kAgentClings, "agent clings"},
    {Fault::kAgentDiesBefore, "agent dies before"},
    {Fault::kAgentDiesAfter, "agent dies after"},
    {Fault::kAgentLosesAll, "agent loses all"},
    {Fault::kJournalFails, "journal fails"},
    {Fault::kAgentClockJumps, "agent's clock jumps"},
    {Fault::kCallLost, "call lost"},
    {Fault::kAnswerLost, "answer lost"},
    {Fault::kCalledTwice, "called twice"},
    {Fault::kCancelled, "cancelled"},
    {Fault::kRetried, "retried"},
};

const Row& RowOf(Fault fault) { return kRows[static_cast<size_t>(fault)]; }

bool CanHappen(Fault fault, State state) {
  return (RowOf(fault).states >> static_cast<unsigned>(state) & 1U) != 0;
}

}  // namespace

const char* FaultName(Fault fault) { return RowOf(fault).name; }

std::string WhyNever(Fault fault, State state) {
  return CanHappen(fault, state) ? "" : RowOf(fault).why_no_other;
}

void Coverage::Add(const Coverage& other) {
  for (size_t i = 0; i < counts_.size(); ++i) {
    for (size_t j = 0; j < counts_[i].size(); ++j) counts_[i][j] += other.counts_[i][j];
  }
}

std::string Coverage::ToText() const {
  std::string text;
  for (const auto& row : counts_) {
    for (const int64_t count : row) absl::StrAppend(&text, count, " ");
  }
  return text;
}

bool Coverage::AddText(const std::string& text) {
  const std::vector<std::string> numbers = absl::StrSplit(text, ' ', absl::SkipWhitespace());
  if (numbers.size() != size_t{kFaults} * kStates) return false;
  for (size_t i = 0; i < numbers.size(); ++i) {
    int64_t count = 0;
    if (!absl::SimpleAtoi(numbers[i], &count)) return false;
    counts_[i / kStates][i % kStates] += count;
  }
  return true;
}

std::string Coverage::Table() const {
  std::string text = absl::StrFormat("%-27s", "fault \\ state");
  for (const State state : kAllStates) absl::StrAppendFormat(&text, " %8.8s", StateName(state));
  text += "\n";
  for (const Row& row : kRows) {
    absl::StrAppendFormat(&text, "%-27s", row.name);
    for (const State state : kAllStates) {
      const int64_t count = Of(row.fault, state);
      const bool never = count == 0 && !CanHappen(row.fault, state);
      absl::StrAppendFormat(&text, " %8s", never ? "-" : absl::StrCat(count));
    }
    text += "\n";
  }
  return text;
}

int64_t Coverage::Smallest(std::string* where) const {
  int64_t smallest = INT64_MAX;
  for (const Row& row : kRows) {
    for (const State state : kAllStates) {
      if (!CanHappen(row.fault, state) || Of(row.fault, state) >= smallest) continue;
      smallest = Of(row.fault, state);
      *where = absl::StrCat(row.name, " x ", StateName(state));
    }
  }
  return smallest;
}

std::vector<std::string> Coverage::Surprises() const {
  std::vector<std::string> surprises;
  for (const Row& row : kRows) {
    for (const State state : kAllStates) {
      if (CanHappen(row.fault, state) || Of(row.fault, state) == 0) continue;
      surprises.push_back(
          absl::StrCat(row.name, " x ", StateName(state), ": ", Of(row.fault, state), " times"));
    }
  }
  return surprises;
}

Faults::Faults(uint64_t seed, Chance& chance, Coverage& coverage)
    : chance_(chance), coverage_(coverage) {
  // Neighbouring seeds are bent on different pairs, and all pairs have their turn.
  std::vector<std::pair<Fault, State>> pairs;
  for (const Row& row : kRows) {
    for (const State state : kAllStates) {
      if (CanHappen(row.fault, state)) pairs.emplace_back(row.fault, state);
    }
  }
  std::tie(focus_, focus_state_) = pairs[seed % pairs.size()];
  focus_left_ = chance.From(1, 3);
  left_ = chance.OneIn(4) ? 0 : chance.From(1, 8);
  static constexpr double kRates[] = {0.01, 0.03, 0.1, 0.3};
  for (int kinds = chance.From(1, 6); kinds > 0; --kinds) {
    rates_[static_cast<size_t>(chance.Below(kFaults))] = kRates[chance.Below(4)];
  }
  // States that only a mishap leads to.
  const auto lead = [&](Fault fault, double rate) {
    rates_[static_cast<size_t>(fault)] = rate;
    left_ = std::max(left_, 4);
  };
  if (focus_state_ == State::kGivingUp) lead(Fault::kCancelled, 0.4);
  if (focus_state_ == State::kCancelled) lead(Fault::kCancelled, 0.3);
  if (focus_state_ == State::kFailed) lead(Fault::kCaLooksElsewhere, 0.7);
}

bool Faults::Strikes(Fault fault, State state) {
  if (over_) return false;
  const bool focus = fault == focus_ && state == focus_state_ && focus_left_ > 0;
  const double rate = rates_[static_cast<size_t>(fault)];
  if (!focus && (rate == 0 || left_ == 0)) return false;
  if (!chance_.With(focus ? 0.7 : rate)) return false;
  --(focus ? focus_left_ : left_);
  ++struck_;
  ++by_fault_[static_cast<size_t>(fault)];
  coverage_.Count(fault, state);
  return true;
}

}  // namespace norroy::sim
