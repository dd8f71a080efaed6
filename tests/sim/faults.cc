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
  // Where it finds an order seldom: these pairs have more turns, as those of GIVING_UP have.
  unsigned seldom = 0;
  int turns = 7;  // of a seldom pair; of any other 1
};

constexpr unsigned kPosts =
    Set(State::kOrdering, State::kValidating, State::kFinalizing, State::kGivingUp);
constexpr char kNoPost[] = "nothing is POSTed to the CA for an order in this state";
// PRESENTING: whoever takes it over and is new to the CA reads its directory.
constexpr unsigned kCaCalls = kPosts | Set(State::kPresenting);
constexpr char kNoCaCall[] = "no request is sent to the CA for an order in this state";
constexpr unsigned kSeldomCalls = Set(State::kPresenting, State::kFinalizing);
constexpr unsigned kWrites = kEvery & ~Set(State::kDone, State::kCancelled);
constexpr char kNoWrite[] = "an order that has ended stays as it is, but for a failed one's retry";
constexpr unsigned kSeldomWrites =
    Set(State::kWaitingForCsr, State::kFinalizing, State::kFailed, State::kValidating);
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
constexpr unsigned kTakingDown = kEvery & ~Set(State::kValidating, State::kGivingUp);
constexpr char kLeftUp[] = "what is up is left there while the CA may look";
constexpr unsigned kAsking = Set(State::kPresenting, State::kValidating);
constexpr char kNotAsked[] = "no answer about a presentation is waited for in this state";

constexpr unsigned kEnds = Set(State::kDone, State::kFailed, State::kCancelled);
// An order passes through most states in the time of a message.
constexpr unsigned kPassing = kEvery & ~Set(State::kPresenting);
constexpr unsigned kCalled = Set(State::kFinalizing) | kEnds;

constexpr Row kRows[] = {
    {Fault::kBadNonce, "bad nonce", kPosts, kNoPost, Set(State::kFinalizing)},
    {Fault::kBadNonceBare, "bad nonce, no new one", kPosts, kNoPost, Set(State::kFinalizing)},
    {Fault::kNotSent, "request not sent", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kRequestLost, "request lost", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kReplyLost, "reply lost", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kServerError, "500", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kServerErrorLate, "500, but done", kPosts, kNoPost, Set(State::kFinalizing)},
    {Fault::kRateLimited, "429", kPosts, kNoPost, Set(State::kFinalizing)},
    {Fault::kOverloaded, "503", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kSlowCa, "slow CA", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kSilentCa, "silent CA", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kOrderInvalid, "CA order invalid", kWithCaOrder, kNoCaOrder,
     Set(State::kFinalizing, State::kFailed, State::kCancelled), 10},
    {Fault::kAuthorizationLost, "authorization lost", kWithCaOrder, kNoCaOrder,
     Set(State::kFinalizing, State::kFailed, State::kCancelled), 10},
    {Fault::kCaLooksElsewhere, "CA looks elsewhere", kTelling, kNotTold},
    {Fault::kLongValidation, "long validation", kTelling, kNotTold},
    {Fault::kLongProcessing, "long processing", kSending, kNoFinalize},
    {Fault::kIssuerDiesBeforeRequest, "issuer dies before request", kCaCalls, kNoCaCall,
     kSeldomCalls},
    {Fault::kIssuerDiesAfterReply, "issuer dies after reply", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kIssuerDiesBeforeWrite, "issuer dies before write", kWrites, kNoWrite, kSeldomWrites},
    {Fault::kIssuerDiesAfterWrite, "issuer dies after write", kWrites, kNoWrite, kSeldomWrites},
    {Fault::kIssuerDiesAtRest, "issuer dies at rest"},
    {Fault::kFrozenAfterReply, "frozen after reply", kCaCalls, kNoCaCall, kSeldomCalls},
    {Fault::kFrozenBeforeWrite, "frozen before write", kWrites, kNoWrite, kSeldomWrites},
    {Fault::kWriteFails, "write fails", kWrites, kNoWrite, kSeldomWrites},
    {Fault::kIssuerClockJumps, "issuer's clock jumps"},
    {Fault::kPlanLost, "plan lost", kPlanning, kNoPlan,
     Set(State::kOrdering, State::kValidating, State::kFinalizing)},
    {Fault::kPresentLost, "present lost", kAsking, kNotAsked, Set(State::kValidating)},
    {Fault::kPresentAnswerLost, "present's answer lost", kAsking, kNotAsked,
     Set(State::kValidating)},
    {Fault::kReleaseLost, "release lost", kEvery, "", kEvery},
    {Fault::kLinkDown, "validator out of reach"},
    {Fault::kValidatorDiesBefore, "validator dies before", kEvery, "", kPassing},
    {Fault::kValidatorDiesAfter, "validator dies after", kEvery, "", kPassing},
    {Fault::kValidatorWriteFails, "validator's write fails", kEvery, "", kPassing},
    {Fault::kLookUnknown, "look: unknown", kShowing, kNotShown},
    {Fault::kLookWaits, "look: wait", kShowing, kNotShown},
    {Fault::kLookFails, "look: fails", kShowing, kNotShown},
    {Fault::kAgentCut, "agent cut off"},
    {Fault::kAgentSlow, "agent slow", kEvery, "", kPassing, 16},
    {Fault::kAgentRefuses, "agent refuses", kShowing, kNotShown},
    {Fault::kAgentClings, "agent clings", kTakingDown, kLeftUp, kTakingDown, 16},
    {Fault::kAgentDiesBefore, "agent dies before", kEvery, "", kPassing},
    {Fault::kAgentDiesAfter, "agent dies after", kEvery, "", kPassing},
    {Fault::kAgentLosesAll, "agent loses all", kEvery, "", Set(State::kFailed)},
    {Fault::kJournalFails, "journal fails", kEvery, "", kPassing},
    {Fault::kAgentClockJumps, "agent's clock jumps"},
    {Fault::kCallLost, "call lost", kEvery, "", kCalled},
    {Fault::kAnswerLost, "answer lost", kEvery, "", kCalled},
    {Fault::kCalledTwice, "called twice", kEvery, "", kCalled},
    {Fault::kCancelled, "cancelled", kEvery, "", kCalled},
    {Fault::kRetried, "retried", kEvery, "", kCalled},
};

const Row& RowOf(Fault fault) { return kRows[static_cast<size_t>(fault)]; }

bool CanHappen(Fault fault, State state) {
  return (RowOf(fault).states >> static_cast<unsigned>(state) & 1U) != 0;
}

std::vector<std::pair<Fault, State>> Turns() {
  std::vector<std::pair<Fault, State>> turns;
  for (const Row& row : kRows) {
    for (const State state : kAllStates) {
      if (!CanHappen(row.fault, state)) continue;
      const unsigned seldom_in = row.seldom | Set(State::kGivingUp);
      const bool seldom = (seldom_in >> static_cast<unsigned>(state) & 1U) != 0;
      turns.insert(turns.end(), seldom ? row.turns : 1, {row.fault, state});
    }
  }
  return turns;
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
  static const std::vector<std::pair<Fault, State>> kTurns = Turns();
  std::tie(focus_, focus_state_) = kTurns[seed % kTurns.size()];
  focus_left_ = chance.From(1, 5);
  left_ = chance.OneIn(4) ? 0 : chance.From(1, 8);
  static constexpr double kRates[] = {0.01, 0.03, 0.1, 0.3};
  for (int kinds = chance.From(1, 6); kinds > 0; --kinds) {
    rates_[static_cast<size_t>(chance.Below(kFaults))] = kRates[chance.Below(4)];
  }
  LeadToFocus();
}

void Faults::LeadToFocus() {
  const bool of_messages = focus_ >= Fault::kReleaseLost && focus_ <= Fault::kAgentClockJumps;
  const bool of_callers = focus_ >= Fault::kCallLost;
  // What was sent in the state before is to come in that one, or not to be late for it.
  const bool in_time = focus_state_ == State::kWaitingForCsr || focus_state_ == State::kFinalizing;
  const bool late = focus_state_ != State::kPresenting && focus_state_ != State::kValidating;
  late_messages_ = of_messages ? !in_time && (late || chance_.OneIn(2)) : chance_.OneIn(8);
  switch (focus_state_) {
    case State::kQueued:
    case State::kOrdering:
      // As it begins anew, something of its first try is on its way.
      if (of_messages) Lead(Fault::kCaLooksElsewhere, State::kValidating, 0.7);
      break;
    case State::kPresenting:
      if (of_messages && chance_.OneIn(2)) Lead(Fault::kCaLooksElsewhere, State::kValidating, 0.7);
      if (focus_ == Fault::kAgentClings) Lead(Fault::kCaLooksElsewhere, State::kValidating, 0.9);
      if (RowOf(focus_).states == kCaCalls) Lead(Fault::kIssuerDiesAtRest, focus_state_, 0.5);
      break;
    case State::kValidating:
      if (focus_on_renewal()) Lead(Fault::kLongValidation, State::kValidating, 0.9);
      if (focus_ == Fault::kPlanLost) Lead(Fault::kCaLooksElsewhere, State::kValidating, 0.7);
      break;
    case State::kFinalizing:
      if (of_callers) Lead(Fault::kLongProcessing, State::kFinalizing, 0.9);
      break;
    case State::kGivingUp:
    case State::kCancelled:
      if (!of_messages) Lead(Fault::kCancelled, State::kOrdering, 0.3);
      for (const State state : {State::kPresenting, State::kValidating, State::kWaitingForCsr}) {
        Lead(Fault::kCancelled, state, 0.3);
      }
      if (of_messages || of_callers) Lead(Fault::kSlowCa, State::kGivingUp, 0.7);
      break;
    case State::kFailed:
      Lead(Fault::kCaLooksElsewhere, State::kValidating, 0.8);
      if (focus_ != Fault::kRetried) Lead(Fault::kRetried, State::kFailed, 0.7);
      break;
    default:
      break;
  }
}

bool Faults::focus_on_renewal() const {
  return focus_state_ == State::kValidating && focus_ != Fault::kReleaseLost &&
         focus_ >= Fault::kPresentLost && focus_ <= Fault::kJournalFails;
}

double Faults::RateOf(Fault fault, State state, int*& left) {
  if (fault == focus_ && state == focus_state_ && focus_left_ > 0) {
    left = &focus_left_;
    return 0.8;
  }
  for (LeadTo& lead : leads_) {
    if (lead.fault != fault || lead.state != state || lead.left == 0) continue;
    left = &lead.left;
    return lead.rate;
  }
  left = &left_;
  return left_ > 0 ? rates_[static_cast<size_t>(fault)] : 0;
}

bool Faults::Strikes(Fault fault, State state) {
  if (over_) return false;
  int* left = nullptr;
  const double rate = RateOf(fault, state, left);
  if (rate == 0 || !chance_.With(rate)) return false;
  --*left;
  ++struck_;
  ++by_fault_[static_cast<size_t>(fault)];
  coverage_.Count(fault, state);
  return true;
}

}  // namespace norroy::sim
