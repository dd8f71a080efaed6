// The proofs of an order's pending names: by which types, under which lease, sealed.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/flow/choice.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;

// How long a presentation may exist without being renewed. DNS changes take longer to be seen.
constexpr absl::Duration kHttpLease = absl::Minutes(15);
constexpr absl::Duration kDnsLease = absl::Minutes(30);
// The agents' clocks may be behind ours.
constexpr absl::Duration kClockSkew = absl::Minutes(1);
// Of one presentation, as validators and agents take them.
constexpr size_t kMaxProofs = 100;

absl::Status NoCommonType(const challenge::Name& name) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_CHALLENGE",
                   absl::StrCat("the CA offers no challenge for ", name.text(),
                                " of a type by which an agent answers for it"),
                   {{"name", name.text()}});
}

struct Choice {
  const NameProgress* progress;
  const NameProgress::Offer* offer;
};

// Every pending name by its first type, then as many second and third ones as there is room for.
absl::StatusOr<std::vector<Choice>> Choose(Work& work) {
  std::vector<std::pair<const NameProgress*, std::vector<ChallengeType>>> pending;
  size_t ranks = 0;
  for (const NameProgress& progress : work.order.progress) {
    if (progress.state == NameState::kValid) continue;
    std::vector<ChallengeType> types = TypesLeft(work, progress);
    if (types.empty()) {
      // Who answers has changed since a type failed.
      ForgetFailedTypes(work.order, progress.name);
      types = TypesLeft(work, progress);
    }
    if (types.empty()) return NoCommonType(progress.name);
    ranks = std::max(ranks, types.size());
    pending.emplace_back(&progress, std::move(types));
  }
  std::vector<Choice> choices;
  for (size_t rank = 0; rank < ranks; ++rank) {
    for (const auto& [progress, types] : pending) {
      if (rank >= types.size() || choices.size() == kMaxProofs) continue;
      choices.push_back({progress, OfferOf(*progress, types[rank])});
    }
  }
  return choices;
}

bool IsConfigured(const Tools& tools) { return tools.proof_lease > absl::ZeroDuration(); }

// Half an hour only where every name is proved by DNS, as far as that is known.
absl::Duration LeaseFor(const std::vector<Choice>& choices) {
  for (const auto& [progress, offer] : choices) {
    const bool counts = !progress->type.has_value() || progress->type == offer->type;
    if (counts && offer->type != ChallengeType::kDns01) return kHttpLease;
  }
  return kDnsLease;
}

// Of a presentation that was sealed in an earlier life.
absl::Duration LeaseByTypes(const Order& order) {
  for (const NameProgress& progress : order.progress) {
    if (progress.state == NameState::kValid) continue;
    if (progress.type != ChallengeType::kDns01) return kHttpLease;
  }
  return kDnsLease;
}

}  // namespace

bool IsRenewalDue(const Work& work, const Tools& tools) {
  const absl::Duration lease = work.presentation.has_value() ? work.lease_time
                               : IsConfigured(tools)         ? tools.proof_lease
                                                             : LeaseByTypes(work.order);
  return work.order.lease_not_after - tools.clock.Now() < lease / 2;
}

absl::StatusOr<challenge::Proof> ProofOf(const NameProgress& progress,
                                         const NameProgress::Offer& offer,
                                         const std::string& thumbprint) {
  NORROY_ASSIGN_OR_RETURN(const challenge::Token token, challenge::Token::Parse(offer.token));
  NORROY_ASSIGN_OR_RETURN(const challenge::KeyAuthorization key_authorization,
                          challenge::KeyAuthorization::Make(token, thumbprint));
  return challenge::Proof{progress.name, offer.type, token, key_authorization};
}

absl::Status SealProofs(Work& work, const Tools& tools) {
  Order& order = work.order;
  if (!work.plan.has_value()) {
    NORROY_RETURN_IF_ERROR(AskPlan(work, tools));
  }
  NORROY_ASSIGN_OR_RETURN(const std::vector<Choice> choices, Choose(work));
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.accounts.ClientFor(order.ca));
  const std::string thumbprint = ca->Thumbprint();
  const absl::Time now = tools.clock.Now();
  work.lease_time = IsConfigured(tools) ? tools.proof_lease : LeaseFor(choices);
  work.sealed.clear();
  solver::Presentation presentation;
  presentation.id = order.id;
  presentation.generation = order.generation + 1;
  presentation.not_after = now + work.lease_time;
  for (const auto& [progress, offer] : choices) {
    NORROY_ASSIGN_OR_RETURN(const challenge::Proof proof, ProofOf(*progress, *offer, thumbprint));
    NORROY_ASSIGN_OR_RETURN(types::v1::SealedProof sealed,
                            tools.sealer.Seal(order.id, presentation.generation, proof,
                                              now - kClockSkew, presentation.not_after));
    presentation.proofs.push_back(std::move(sealed));
    work.sealed.push_back({progress->name, offer->type});
  }
  order.generation = presentation.generation;
  order.lease_not_after = presentation.not_after;
  order.released = false;
  work.ready_revision.reset();
  work.presentation = std::move(presentation);
  return absl::OkStatus();
}

}  // namespace norroy::flow
