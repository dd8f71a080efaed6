#ifndef NORROY_TESTS_SIM_FAULTS_H_
#define NORROY_TESTS_SIM_FAULTS_H_

// What a simulation does to the product, when, and how often it did it to an order in which state.
// Each seed has a few kinds of fault at low rates, and one pair of fault and state that it is bent
// on, so that rare pairs happen as well as frequent ones.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "issuer/flow/order.h"
#include "tests/sim/chance.h"

namespace norroy::sim {

enum class Fault {
  // The issuer's wire to the CA, and the CA itself.
  kBadNonce,
  kBadNonceBare,       // without a new one
  kNotSent,            // the CA never saw it, and the issuer knows
  kRequestLost,        // it never saw it, and the issuer does not know
  kReplyLost,          // it did what was asked
  kServerError,        // 500 instead of doing it
  kServerErrorLate,    // 500 after doing it
  kRateLimited,        // 429 with Retry-After
  kOverloaded,         // 503 with Retry-After
  kSlowCa,             // nearly as long as a request may take
  kSilentCa,           // longer, having done it
  kOrderInvalid,       // the CA gives the order up
  kAuthorizationLost,  // deactivated or expired behind our back
  kCaLooksElsewhere,   // the CA's look fails though the proof is up
  kLongValidation,
  kLongProcessing,
  // The issuer.
  kIssuerDiesBeforeRequest,
  kIssuerDiesAfterReply,
  kIssuerDiesBeforeWrite,
  kIssuerDiesAfterWrite,
  kIssuerDiesAtRest,
  kFrozenAfterReply,   // one worker is held past its lease
  kFrozenBeforeWrite,  // the same
  kWriteFails,
  kIssuerClockJumps,
  // The issuer's wire to a validator.
  kPlanLost,
  kPresentLost,
  kPresentAnswerLost,
  kReleaseLost,
  kLinkDown,  // for a while
  // The validator.
  kValidatorDiesBefore,  // a message is dealt with
  kValidatorDiesAfter,   // it was, and before anybody hears of it
  kValidatorWriteFails,
  kLookUnknown,
  kLookWaits,
  kLookFails,
  // Agents.
  kAgentCut,      // its stream breaks
  kAgentSlow,     // longer than it is waited for
  kAgentRefuses,  // to put up
  kAgentClings,   // fails to take down
  kAgentDiesBefore,
  kAgentDiesAfter,
  kAgentLosesAll,  // dies, and what it served with it
  kJournalFails,
  kAgentClockJumps,
  // Callers.
  kCallLost,
  kAnswerLost,
  kCalledTwice,
  kCancelled,
  kRetried,
  kCount,
};
inline constexpr int kFaults = static_cast<int>(Fault::kCount);
inline constexpr int kStates = 10;

const char* FaultName(Fault fault);

// Pairs and how often they happened, in any number of simulations.
class Coverage {
 public:
  void Count(Fault fault, flow::State state) { ++counts_[Index(fault)][Index(state)]; }
  void Add(const Coverage& other);
  int64_t Of(Fault fault, flow::State state) const { return counts_[Index(fault)][Index(state)]; }
  // For a file, and back; false: not one of ours.
  std::string ToText() const;
  bool AddText(const std::string& text);
  // One row a fault; a pair that cannot happen shows as "-".
  std::string Table() const;
  // Of the pairs that can happen; `where` names it.
  int64_t Smallest(std::string* where) const;
  // That happened though nothing begins there that they strike: it was under way when the order
  // went on, which is too rare to count on.
  std::vector<std::string> Surprises() const;

 private:
  template <typename Enum>
  static size_t Index(Enum value) {
    return static_cast<size_t>(value);
  }
  std::array<std::array<int64_t, kStates>, kFaults> counts_ = {};
};

// Why a pair cannot happen; empty: it can.
std::string WhyNever(Fault fault, flow::State state);

class Faults {
 public:
  Faults(uint64_t seed, Chance& chance, Coverage& coverage);

  // Whether it happens now, to an order in this state. Ask only where it would have an effect.
  bool Strikes(Fault fault, flow::State state);
  // Nothing happens from now on.
  void Stop() { over_ = true; }
  bool over() const { return over_; }
  // What this seed is bent on.
  Fault focus() const { return focus_; }
  flow::State focus_state() const { return focus_state_; }
  // It needs an order that is VALIDATING for so long that its proofs are renewed.
  bool focus_on_renewal() const;
  // Messages between issuers, validators and agents may be late.
  bool late_messages() const { return late_messages_; }
  int struck() const { return struck_; }
  int struck(Fault fault) const { return by_fault_[static_cast<size_t>(fault)]; }

 private:
  // A mishap that leads to what this seed is bent on is likely, some times.
  struct LeadTo {
    Fault fault;
    flow::State state;
    double rate;
    int left;
  };
  void Lead(Fault fault, flow::State state, double rate) {
    leads_.push_back({fault, state, rate, 4});
  }
  void LeadToFocus();
  // How likely it is, and of what it is counted off.
  double RateOf(Fault fault, flow::State state, int*& left);

  Chance& chance_;
  Coverage& coverage_;
  std::array<double, kFaults> rates_ = {};
  std::array<int, kFaults> by_fault_ = {};
  std::vector<LeadTo> leads_;
  Fault focus_;
  flow::State focus_state_;
  int left_;
  int focus_left_;
  int struck_ = 0;
  bool late_messages_ = false;
  bool over_ = false;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_FAULTS_H_
