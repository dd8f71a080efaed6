#ifndef NORROY_ISSUER_FLOW_ORDER_H_
#define NORROY_ISSUER_FLOW_ORDER_H_

// Our order: names on their way to one certificate. One value, one row of the store; a step of the
// flow is a function from this value to its next one. No I/O here.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/challenge/proof.h"
#include "norroy/types/v1/view.pb.h"

namespace norroy::flow {

// What the engine does with the order next. docs/life-of-an-order.md tells it in words.
enum class State {
  kQueued,         // wait for the names' turn; ask who would answer
  kOrdering,       // newOrder; read the authorizations
  kPresenting,     // proofs are being put up
  kValidating,     // the CA was told; wait for its verdicts
  kWaitingForCsr,  // validated; nothing is held
  kFinalizing,     // CSR in hand: read the CA's order, finalize, poll, download, check
  kGivingUp,       // deactivate what is pending at the CA, take proofs down; then `ending`
  kDone,
  kFailed,
  kCancelled,
};
absl::string_view StateName(State state);
bool IsFinal(State state);

// What went wrong, as shown to callers.
struct OrderError {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string reason;
  std::string message;
  std::map<std::string, std::string> metadata;
  std::string problem;  // serialized norroy.types.v1.Problem; empty: the CA said nothing

  static OrderError Of(const absl::Status& status);
  absl::Status ToStatus() const;
};

enum class NameState { kPending, kPresenting, kValidating, kValid, kInvalid };

inline constexpr size_t kMaxViews = 8;

// A type that an agent or the CA refused for a name: the next one's turn.
struct FailedType {
  challenge::Name name;
  challenge::ChallengeType type;
  bool operator==(const FailedType&) const = default;
};

// One name's way through one CA order.
struct NameProgress {
  challenge::Name name;
  NameState state = NameState::kPending;
  std::string authorization_url;
  bool reused = false;  // valid before we did anything
  // The challenges that the CA offered and we know, until the authorization is final.
  struct Offer {
    challenge::ChallengeType type;
    std::string url;
    std::string token;
  };
  std::vector<Offer> offers;
  std::optional<challenge::ChallengeType> type;  // being proved by
  std::vector<std::string> agents;               // who serves it
  std::optional<OrderError> error;
  // What viewpoints saw last before the CA was told: at most kMaxViews.
  std::vector<types::v1::View> views;
  // The CA was told to look. Not stored: whoever takes the order anew reads the authorization
  // before anything is sent.
  bool responded = false;
};

// A CA that could not take an order, the last time, and why.
struct FailedCa {
  std::string ca;
  OrderError error;
  absl::Time time;
};

struct Order {
  // Set at creation, never changed.
  std::string id;
  std::string creator;  // principal
  std::string request_id;
  std::string request_hash;  // of the request's body, for idempotency
  std::vector<challenge::Name> names;
  std::string profile;
  std::map<std::string, std::string> labels;
  std::vector<std::string> finalizers;
  std::string public_key_sha256;
  std::string preferred_chain;
  bool force_new = false;
  absl::Time create_time;
  absl::Time expire_time;
  // Of the policy that allowed it, and whether that wants every name proved anew.
  int64_t policy_version = 0;
  bool reuse_never = false;

  // The certificate whose place its own is to take; empty: none.
  std::string renews;
  // Until then the issuer renews what it ends in by itself, with the same CSR; InfinitePast: not.
  absl::Time auto_renew_until = absl::InfinitePast();

  // Set with the CSR: who handed it in, and by which policy.
  std::string finalizer;
  int64_t finalize_policy_version = 0;

  // Where it is ordered, and whether that is because nobody named a CA; where else it may be
  // ordered if that CA cannot take it, best first; and which could not, in the order in which they
  // first could not.
  std::string ca;
  bool ca_open = false;
  std::vector<std::string> next_cas;
  std::vector<FailedCa> failed_cas;

  // The engine's.
  State state = State::kQueued;
  absl::Time update_time;  // by NoteChange
  absl::Time state_time;   // when the present state began
  absl::Time due_time;     // when the engine looks at it next; InfiniteFuture: only when woken
  int attempt = 0;         // tries of the present state that failed, for the back-off
  std::string csr;         // DER; empty until there is one
  std::string csr_key_sha256;
  bool finalize_requested = false;  // a CSR was accepted: PROCESSING to the outside from now on
  std::string ca_order_url;
  std::string ca_finalize_url;
  // The CA order to which a finalize with `csr` may have been sent. Only then is its certificate
  // ours.
  std::string finalize_intent_url;
  std::vector<NameProgress> progress;
  int64_t generation = 0;         // of the presentation; 0: nothing was presented
  absl::Time lease_not_after;     // of its seals
  bool released = true;           // nothing is (or may be) presented
  State ending = State::kFailed;  // what kGivingUp leads to: kFailed or kCancelled
  std::string certificate_id;
  std::string waiting_for;  // in words
  std::optional<OrderError> error;
  // Not to be tried again; they outlive the CA order in which they failed.
  std::vector<FailedType> failed_types;
  int beginnings = 0;  // how often it began anew, for whatever reason; it only grows
  int restarts = 0;    // CA orders that failed and were replaced by another
  int retries = 0;     // those of them that were tried again by the same type
  // The CA would not have it as a renewal (RFC 9773 5): it is an order like any other to the CA.
  bool replaces_refused = false;
  // With reuse_never: the CA order's authorizations were all pending when they were first read;
  // and the CA orders that came with others, which are deactivated and of no use.
  bool fresh = false;
  std::vector<std::string> discarded_orders;
  // The CA asked not to be asked for its order, or an authorization of it, before (Retry-After),
  // whoever takes or wakes ours meanwhile.
  absl::Time poll_time = absl::InfinitePast();

  std::string set_key() const { return challenge::SetKey(names); }
  // It changes at `now`. Its update_time grows with each change, whosever clock `now` is of: of two
  // copies of an order the later one is the newer one.
  void NoteChange(absl::Time now) {
    update_time = std::max(now, update_time + absl::Microseconds(1));
  }
  // It is to be placed at a CA anew. The generation stays: agents keep tombstones of what was
  // presented under it.
  void LeaveCaOrder() {
    ++beginnings;
    ca_order_url.clear();
    ca_finalize_url.clear();
    finalize_intent_url.clear();
    poll_time = absl::InfinitePast();
    progress.clear();
    fresh = false;
  }
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_ORDER_H_
