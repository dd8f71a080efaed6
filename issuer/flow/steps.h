#ifndef NORROY_ISSUER_FLOW_STEPS_H_
#define NORROY_ISSUER_FLOW_STEPS_H_

// The steps, one file each (queueing.cc, ordering.cc, ...), and the table that names them.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "issuer/acme/authorization.h"
#include "issuer/flow/step.h"
#include "issuer/store/authorizations.h"

namespace norroy::flow {

using Step = absl::StatusOr<Next> (*)(Work& work, const Tools& tools);

// QUEUED: somebody answers for every name, the flight is ours, our own limits allow it -> ORDERING.
absl::StatusOr<Next> Queue(Work& work, const Tools& tools);
// ORDERING: newOrder, then every authorization -> PRESENTING, or at once to where validated orders
// go.
absl::StatusOr<Next> PlaceOrder(Work& work, const Tools& tools);
// PRESENTING: the solver's agents serve every proof and viewpoints see it -> VALIDATING.
absl::StatusOr<Next> Present(Work& work, const Tools& tools);
// VALIDATING: tell the CA, poll its order -> WAITING_FOR_CSR or FINALIZING.
absl::StatusOr<Next> Validate(Work& work, const Tools& tools);
// WAITING_FOR_CSR: nothing but its end of life.
absl::StatusOr<Next> WaitForCsr(Work& work, const Tools& tools);
// FINALIZING: re-read, finalize, poll, download, check, store -> DONE.
absl::StatusOr<Next> Finalize(Work& work, const Tools& tools);
// GIVING_UP: deactivate pending authorizations, release, give the flight back -> FAILED, CANCELLED.
absl::StatusOr<Next> CleanUp(Work& work, const Tools& tools);

// One row a state that has a step.
struct StateRow {
  State state;
  Step step;
  // The state is given up when it has lasted this long without an end.
  absl::Duration limit;
  // What the order holds at the CA and at agents meanwhile, for the documentation.
  absl::string_view holds;
};
// Null for final states.
const StateRow* RowOf(State state);

// Asks who would answer for the order's names: work.plan.
absl::Status AskPlan(Work& work, const Tools& tools);
// Gives the order up if work.plan has names that nobody may answer for; what the CA has valid for
// these is withdrawn. Unset: somebody may answer for each.
absl::StatusOr<std::optional<Next>> RefuseUnanswerable(Work& work, const Tools& tools);
// The same by what is true now: asks, unless that was a moment ago.
absl::StatusOr<std::optional<Next>> ConfirmGrants(Work& work, const Tools& tools);

// The order may use no authorization that was valid before it, and that its CA order has none is
// not known yet.
bool WantsFresh(const Order& order);
// Its CA order came with such ones.
bool IsDiscarded(const Order& order);
Next BeginDiscarding(Work& work, const Tools& tools);
// Gives back what the discarded CA order has, one a step, then begins anew.
absl::StatusOr<Next> Discard(Work& work, const Tools& tools);
// The CA gave a discarded order once more.
Next RefuseDiscarded(Work& work, const Tools& tools);
// Every name was valid before the order: whose authorization is which, as far as it is not known
// from earlier orders, is asked of the CA.
absl::Status LearnReused(Work& work, const Tools& tools);
// A valid authorization, as it is kept.
store::Authorization Known(const Order& order, const acme::Client& ca,
                           const acme::Authorization& authorization, absl::Time now);

// What the CA is told that an order replaces (RFC 9773 5); "": it is not told, because the order
// renews nothing, the CA would not have it before, or the certificate is not of the same account.
absl::StatusOr<std::string> ReplacesOf(const Work& work, const Tools& tools, acme::Client& ca);
// Whether a refused newOrder may be tried without: any refusal may be that of "replaces" but that
// of a limit. A lost answer makes the next one alreadyReplaced; without "replaces", a CA that hands
// orders out again hands out that one.
bool IsRefusalToReplace(const absl::Status& refused);
Next OrderWithoutReplaces(Work& work, const absl::Status& refused, absl::Time now);

// Begins the names' progress from the authorizations of the CA's order.
void NoteAuthorizations(Order& order, const acme::Order& ca_order);
// Shared by the steps that find an order validated: takes the proofs down and moves on.
absl::StatusOr<Next> AfterValidation(Work& work, const Tools& tools);
// Takes down what may be presented.
void ReleasePresentation(Work& work, const Tools& tools);
// Takes down once more what the newest orders have let go of lately: the word of a process that has
// died since may not have come through to a validator that was away.
void ReleaseAgain(const Tools& tools);
// The CA was not told: takes down what is up and tries again later, from ORDERING on.
absl::StatusOr<Next> TakeBack(Work& work, const Tools& tools, const absl::Status& why);
// order.failed_types has grown: lets the solver put up what is left.
Next PresentWhatIsLeft(Work& work);
// Looks at every served proof before the CA does, as each name's grade says. Unset: nothing keeps
// the order from the CA.
absl::StatusOr<std::optional<Next>> Preflight(Work& work, const Tools& tools);
void LogWhatIsNotSeen(const Work& work);
// The CA's order is invalid: finds out which names failed and why, counts the failures; tries again
// by another type, or where we know of a reason that is gone, or gives up.
absl::StatusOr<Next> Blame(Work& work, const Tools& tools);

// RFC 8555 6.7.1: the names that the CA blames in the failure's subproblems show it.
void BlameNames(Order& order, const absl::Status& failure);

// Seals the proofs of the pending names under a new generation; the order must be saved before they
// are shown to anybody.
absl::Status SealProofs(Work& work, const Tools& tools);
// Half of the presentation's lease is over.
bool IsRenewalDue(const Work& work, const Tools& tools);
// The account's answer to a challenge.
absl::StatusOr<challenge::Proof> ProofOf(const NameProgress& progress,
                                         const NameProgress::Offer& offer,
                                         const std::string& thumbprint);

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_STEPS_H_
