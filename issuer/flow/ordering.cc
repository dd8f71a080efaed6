// ORDERING: newOrder, and what the CA wants proved.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"
#include "issuer/flow/choice.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// A CA that gives orders and does not say so would give a new one each time: after the second such
// failure it is asked rarely.
constexpr absl::Duration kUnansweredPause = absl::Minutes(30);

absl::Status NoOrder(const Work& work, const Tools& tools, const absl::Status& failure) {
  ErrorMetadata metadata = ErrorMetadataOf(failure);
  const bool refused = acme::ProblemOf(failure).has_value() || metadata["sent"] == "no";
  if (refused || work.order.attempt == 0 || !IsWorthRepeating(failure)) return failure;
  metadata["retry_at"] = absl::FormatTime(absl::RFC3339_full, tools.clock.Now() + kUnansweredPause,
                                          absl::UTCTimeZone());
  return MakeError(failure.code(), ErrorReason(failure), failure.message(), metadata);
}

// RFC 8555 7.1.6: a new order is pending or ready. One that is further on is somebody's who
// finalized it.
absl::Status CheckPlaced(const Order& order, const acme::Order& placed) {
  if (placed.status == acme::OrderStatus::kInvalid) return WhyInvalid(placed);
  const bool begins =
      placed.status == acme::OrderStatus::kPending || placed.status == acme::OrderStatus::kReady;
  if (!begins) {
    return MakeError(
        absl::StatusCode::kInternal, "CA_PROTOCOL",
        absl::StrCat("newOrder gave ", placed.url, ", which is finalized already and not ours"));
  }
  if (placed.profile.empty() || order.profile.empty() || placed.profile == order.profile) {
    return absl::OkStatus();
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "CA_PROTOCOL",
                   absl::StrCat("the CA made an order of profile ", placed.profile, " where ",
                                order.profile, " was asked for"));
}

// RFC 8555 7.4. The URL is stored before anything else is done with the order.
absl::StatusOr<Next> NewOrder(Work& work, const Tools& tools) {
  Order& order = work.order;
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
  NORROY_ASSIGN_OR_RETURN(const std::string replaces, ReplacesOf(work, tools, *ca));
  NORROY_FAILPOINT("issuer.order_placing");
  absl::StatusOr<acme::Order> answer = ca->NewOrder(order.names, order.profile, replaces);
  NORROY_FAILPOINT("issuer.order_placed");
  if (!replaces.empty() && IsRefusalToReplace(answer.status())) {
    return OrderWithoutReplaces(work, answer.status(), tools.clock.Now());
  }
  if (!answer.ok()) {
    BlameNames(order, answer.status());
    return NoOrder(work, tools, answer.status());
  }
  acme::Order placed = *std::move(answer);
  const absl::Status usable = CheckPlaced(order, placed);
  if (!usable.ok()) {
    BlameNames(order, usable);
    return NoOrder(work, tools, usable);
  }
  order.ca_order_url = placed.url;
  order.ca_finalize_url = placed.finalize;
  if (IsDiscarded(order)) return RefuseDiscarded(work, tools);
  NoteAuthorizations(order, placed);
  log::Info("order", "placed at the CA",
            {{"order_id", order.id}, {"ca", order.ca}, {"ca_order", placed.url}});
  work.ca_order = std::move(placed);
  return Next::RunOn();
}

// RFC 8555 8.3: a token is random; one that another name of the order has, too, proves nothing.
bool IsTaken(const Order& order, const NameProgress& progress, absl::string_view token) {
  for (const NameProgress& other : order.progress) {
    if (&other == &progress || other.authorization_url == progress.authorization_url) continue;
    for (const NameProgress::Offer& offer : other.offers) {
      if (offer.token == token) return true;
    }
  }
  return false;
}

void Note(const Order& order, NameProgress& progress, const acme::Authorization& authorization) {
  progress.name = authorization.name;
  progress.offers.clear();
  progress.responded = false;
  progress.reused = authorization.status == acme::AuthorizationStatus::kValid;
  progress.state = progress.reused ? NameState::kValid : NameState::kPending;
  for (const acme::Challenge& challenge : authorization.challenges) {
    // RFC 8555 7.1.6: "processing" is what the CA was told of before.
    if (challenge.status != acme::ChallengeStatus::kPending) progress.responded = true;
    if (!Fits(authorization.name, challenge.type)) continue;
    if (IsTaken(order, progress, challenge.token.value())) continue;
    progress.offers.push_back({challenge.type, challenge.url, challenge.token.value()});
  }
}

absl::Status NoUsableChallenge(const challenge::Name& name) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "NO_CHALLENGE",
      absl::StrCat("the CA offers no challenge for ", name.text(), " that we can answer"),
      {{"name", name.text()}});
}

absl::Status UnexpectedName(const challenge::Name& name) {
  return MakeError(absl::StatusCode::kInternal, "CA_PROTOCOL",
                   absl::StrCat("the CA's order has an authorization for ", name.text(),
                                ", which was not ordered"));
}

bool IsOrdered(const Order& order, const challenge::Name& name) {
  return std::find(order.names.begin(), order.names.end(), name) != order.names.end();
}

bool AllValid(const Order& order) {
  return std::all_of(
      order.progress.begin(), order.progress.end(),
      [](const NameProgress& progress) { return progress.state == NameState::kValid; });
}

// RFC 8555 7.1.6: any other state than pending or valid is the end of this CA order.
absl::StatusOr<Next> OnOver(Work& work, const Tools& tools,
                            const acme::Authorization& authorization) {
  if (authorization.status == acme::AuthorizationStatus::kInvalid) {
    // Its proof was looked at in an earlier life, which ended before it was counted.
    NORROY_RETURN_IF_ERROR(tools.store.NoteFailure(work.order, authorization.name,
                                                   authorization.url, tools.clock.Now()));
  }
  return StartAnew(work, tools.clock.Now());
}

// What the CA wants proved, and what it does not. Unset: go on.
absl::StatusOr<std::optional<Next>> ReadAuthorizations(Work& work, const Tools& tools) {
  Order& order = work.order;
  std::vector<store::Authorization> valid;
  for (NameProgress& progress : order.progress) {
    if (progress.reused) continue;
    NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
    NORROY_ASSIGN_OR_RETURN(const acme::Authorization authorization,
                            ca->GetAuthorization(progress.authorization_url));
    if (!IsOrdered(order, authorization.name)) return UnexpectedName(authorization.name);
    Note(order, progress, authorization);
    if (progress.state == NameState::kValid) {
      if (WantsFresh(order)) return std::optional<Next>(BeginDiscarding(work, tools));
      valid.push_back(Known(order, *ca, authorization, tools.clock.Now()));
      continue;
    }
    if (authorization.status != acme::AuthorizationStatus::kPending) {
      NORROY_ASSIGN_OR_RETURN(const Next over, OnOver(work, tools, authorization));
      return std::optional<Next>(over);
    }
    if (progress.offers.empty()) {
      return std::optional<Next>(
          GiveUp(work, NoUsableChallenge(authorization.name), tools.clock.Now()));
    }
  }
  NORROY_RETURN_IF_ERROR(tools.authorizations.Note(valid));
  return std::optional<Next>();
}

}  // namespace

void NoteAuthorizations(Order& order, const acme::Order& ca_order) {
  order.progress.clear();
  if (ca_order.status == acme::OrderStatus::kReady) {
    for (const challenge::Name& name : order.names) {
      order.progress.push_back({.name = name, .state = NameState::kValid, .reused = true});
    }
    return;
  }
  for (const std::string& url : ca_order.authorizations) {
    // The name is the authorization's to tell; until it is read, any of ours stands in.
    order.progress.push_back({.name = order.names.front(), .authorization_url = url});
  }
}

absl::StatusOr<Next> PlaceOrder(Work& work, const Tools& tools) {
  Order& order = work.order;
  if (order.ca_order_url.empty()) return NewOrder(work, tools);
  if (IsDiscarded(order)) return Discard(work, tools);
  if (work.ca_order.has_value() && work.ca_order->status == acme::OrderStatus::kReady) {
    if (WantsFresh(order)) return BeginDiscarding(work, tools);
    NORROY_RETURN_IF_ERROR(LearnReused(work, tools));
    return AfterValidation(work, tools);
  }
  NORROY_FAILPOINT("issuer.order_stored");
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> stop, ReadAuthorizations(work, tools));
  if (stop.has_value()) return *stop;
  work.authorizations_read = true;
  if (AllValid(order)) return AfterValidation(work, tools);
  order.fresh = order.reuse_never;
  NORROY_RETURN_IF_ERROR(SealProofs(work, tools));
  // A presentation that failed comes by here again: its back-off must grow.
  const int attempt = order.attempt;
  Enter(work, State::kPresenting, tools.clock.Now());
  order.attempt = attempt;
  return Next::RunOn();
}

}  // namespace norroy::flow
