#include <optional>
#include <utility>

#include "common/check.h"
#include "common/status_macros.h"
#include "issuer/store/order_record.pb.h"
#include "issuer/store/record_fields.h"
#include "issuer/store/records.h"

namespace norroy::store {
namespace {

constexpr std::pair<flow::State, v1::OrderState> kStates[] = {
    {flow::State::kQueued, v1::ORDER_STATE_QUEUED},
    {flow::State::kOrdering, v1::ORDER_STATE_ORDERING},
    {flow::State::kPresenting, v1::ORDER_STATE_PRESENTING},
    {flow::State::kValidating, v1::ORDER_STATE_VALIDATING},
    {flow::State::kWaitingForCsr, v1::ORDER_STATE_WAITING_FOR_CSR},
    {flow::State::kFinalizing, v1::ORDER_STATE_FINALIZING},
    {flow::State::kGivingUp, v1::ORDER_STATE_GIVING_UP},
    {flow::State::kDone, v1::ORDER_STATE_DONE},
    {flow::State::kFailed, v1::ORDER_STATE_FAILED},
    {flow::State::kCancelled, v1::ORDER_STATE_CANCELLED},
};

constexpr std::pair<flow::NameState, v1::NameState> kNameStates[] = {
    {flow::NameState::kPending, v1::NAME_STATE_PENDING},
    {flow::NameState::kPresenting, v1::NAME_STATE_PRESENTING},
    {flow::NameState::kValidating, v1::NAME_STATE_VALIDATING},
    {flow::NameState::kValid, v1::NAME_STATE_VALID},
    {flow::NameState::kInvalid, v1::NAME_STATE_INVALID},
};

template <typename Table, typename Ours>
auto Stored(const Table& table, Ours ours) {
  for (const auto& [mine, stored] : table) {
    if (mine == ours) return stored;
  }
  NORROY_CHECK(false);
}

template <typename Ours, typename Record, size_t kSize>
absl::Status Restore(const std::pair<Ours, Record> (&table)[kSize], Record record, Ours& out) {
  for (const auto& [mine, stored] : table) {
    if (stored != record) continue;
    out = mine;
    return absl::OkStatus();
  }
  return BadRecord("a state is none that this program knows");
}

absl::StatusOr<challenge::ChallengeType> TypeOf(const std::string& text) {
  absl::StatusOr<challenge::ChallengeType> type = challenge::ParseChallengeType(text);
  if (!type.ok()) return BadRecord(type.status().message());
  return type;
}

// The structured bindings below name every field, so that one that is added cannot be forgotten
// here: the count would be wrong.

void SetError(const flow::OrderError& error, v1::ErrorRecord& record) {
  const auto& [code, reason, message, metadata, problem] = error;
  record.set_code(static_cast<int>(code));
  record.set_reason(reason);
  record.set_message(message);
  SetPairs(metadata, *record.mutable_metadata());
  record.set_problem(problem);
}

flow::OrderError ErrorOf(const v1::ErrorRecord& record) {
  return {.code = static_cast<absl::StatusCode>(record.code()),
          .reason = record.reason(),
          .message = record.message(),
          .metadata = MapOf(record.metadata()),
          .problem = record.problem()};
}

void SetProgress(const flow::NameProgress& progress, v1::NameRecord& record) {
  const auto& [name, state, authorization_url, reused, offers, type, agents, error, views,
               responded] = progress;
  static_cast<void>(responded);  // not stored
  record.set_name(name.text());
  record.set_state(Stored(kNameStates, state));
  record.set_authorization_url(authorization_url);
  record.set_reused(reused);
  for (const auto& [offered, url, token] : offers) {
    v1::OfferRecord& offer = *record.add_offers();
    offer.set_type(std::string(challenge::ChallengeTypeName(offered)));
    offer.set_url(url);
    offer.set_token(token);
  }
  if (type.has_value()) record.set_type(std::string(challenge::ChallengeTypeName(*type)));
  SetTexts(agents, *record.mutable_agents());
  if (error.has_value()) SetError(*error, *record.mutable_error());
  for (const types::v1::View& view : views) {
    if (record.views_size() < static_cast<int>(flow::kMaxViews)) {
      record.add_views(view.SerializeAsString());
    }
  }
}

absl::StatusOr<flow::NameProgress> ProgressOf(const v1::NameRecord& record) {
  NORROY_ASSIGN_OR_RETURN(challenge::Name name, NameOf(record.name()));
  flow::NameProgress progress{.name = std::move(name)};
  NORROY_RETURN_IF_ERROR(Restore(kNameStates, record.state(), progress.state));
  progress.authorization_url = record.authorization_url();
  progress.reused = record.reused();
  for (const v1::OfferRecord& offer : record.offers()) {
    NORROY_ASSIGN_OR_RETURN(const challenge::ChallengeType type, TypeOf(offer.type()));
    progress.offers.push_back({.type = type, .url = offer.url(), .token = offer.token()});
  }
  if (!record.type().empty()) {
    NORROY_ASSIGN_OR_RETURN(progress.type, TypeOf(record.type()));
  }
  progress.agents = TextsOf(record.agents());
  if (record.has_error()) progress.error = ErrorOf(record.error());
  for (const std::string& bytes : record.views()) {
    // Evidence only: one that cannot be read stops nothing.
    types::v1::View view;
    if (view.ParseFromString(bytes)) progress.views.push_back(std::move(view));
  }
  return progress;
}

v1::OrderRecord ToRecord(const flow::Order& order) {
  const auto& [id, creator, request_id, request_hash, names, profile, labels, finalizers,
               public_key_sha256, preferred_chain, force_new, create_time, expire_time,
               policy_version, reuse_never, renews, auto_renew_until, finalizer,
               finalize_policy_version, ca, ca_open, next_cas, failed_cas, state, update_time,
               state_time, due_time, attempt, csr, csr_key_sha256, finalize_requested, ca_order_url,
               ca_finalize_url, finalize_intent_url, progress, generation, lease_not_after,
               released, ending, certificate_id, waiting_for, error, failed_types, beginnings,
               restarts, retries, replaces_refused, fresh, discarded_orders, poll_time] = order;
  v1::OrderRecord record;
  record.set_id(id);
  record.set_creator(creator);
  record.set_request_id(request_id);
  record.set_request_hash(request_hash);
  SetNames(names, *record.mutable_names());
  record.set_ca(ca);
  record.set_profile(profile);
  SetPairs(labels, *record.mutable_labels());
  SetTexts(finalizers, *record.mutable_finalizers());
  record.set_public_key_sha256(public_key_sha256);
  record.set_preferred_chain(preferred_chain);
  record.set_force_new(force_new);
  SetMoment(create_time, *record.mutable_create_time());
  SetMoment(expire_time, *record.mutable_expire_time());
  record.set_state(Stored(kStates, state));
  SetMoment(update_time, *record.mutable_update_time());
  SetMoment(state_time, *record.mutable_state_time());
  SetMoment(due_time, *record.mutable_due_time());
  record.set_attempt(attempt);
  record.set_csr(csr);
  record.set_csr_key_sha256(csr_key_sha256);
  record.set_finalize_requested(finalize_requested);
  record.set_ca_order_url(ca_order_url);
  record.set_ca_finalize_url(ca_finalize_url);
  record.set_finalize_intent_url(finalize_intent_url);
  for (const flow::NameProgress& name : progress) SetProgress(name, *record.add_progress());
  record.set_generation(generation);
  SetMoment(lease_not_after, *record.mutable_lease_not_after());
  record.set_released(released);
  record.set_ending(Stored(kStates, ending));
  record.set_certificate_id(certificate_id);
  record.set_waiting_for(waiting_for);
  if (error.has_value()) SetError(*error, *record.mutable_error());
  for (const auto& [failed_name, failed_type] : failed_types) {
    v1::FailedTypeRecord& failed = *record.add_failed_types();
    failed.set_name(failed_name.text());
    failed.set_type(std::string(challenge::ChallengeTypeName(failed_type)));
  }
  record.set_beginnings(beginnings);
  record.set_restarts(restarts);
  record.set_retries(retries);
  record.set_policy_version(policy_version);
  record.set_reuse_never(reuse_never);
  record.set_finalizer(finalizer);
  record.set_finalize_policy_version(finalize_policy_version);
  record.set_renews(renews);
  SetMoment(auto_renew_until, *record.mutable_auto_renew_until());
  record.set_replaces_refused(replaces_refused);
  record.set_fresh(fresh);
  SetTexts(discarded_orders, *record.mutable_discarded_orders());
  SetMoment(poll_time, *record.mutable_poll_time());
  SetTexts(next_cas, *record.mutable_next_cas());
  record.set_ca_open(ca_open);
  for (const auto& [failed_ca, why, time] : failed_cas) {
    v1::FailedCaRecord& failed = *record.add_failed_cas();
    failed.set_ca(failed_ca);
    SetError(why, *failed.mutable_error());
    SetMoment(time, *failed.mutable_time());
  }
  return record;
}

absl::Status SetEnginesFields(const v1::OrderRecord& record, flow::Order& order) {
  NORROY_RETURN_IF_ERROR(Restore(kStates, record.state(), order.state));
  order.update_time = TimeOf(record.update_time());
  order.state_time = TimeOf(record.state_time());
  order.due_time = TimeOf(record.due_time());
  order.attempt = record.attempt();
  order.csr = record.csr();
  order.csr_key_sha256 = record.csr_key_sha256();
  order.finalize_requested = record.finalize_requested();
  order.ca_order_url = record.ca_order_url();
  order.ca_finalize_url = record.ca_finalize_url();
  order.finalize_intent_url = record.finalize_intent_url();
  for (const v1::NameRecord& name : record.progress()) {
    NORROY_ASSIGN_OR_RETURN(flow::NameProgress progress, ProgressOf(name));
    order.progress.push_back(std::move(progress));
  }
  order.generation = record.generation();
  order.lease_not_after = TimeOf(record.lease_not_after());
  order.released = record.released();
  NORROY_RETURN_IF_ERROR(Restore(kStates, record.ending(), order.ending));
  order.certificate_id = record.certificate_id();
  order.waiting_for = record.waiting_for();
  if (record.has_error()) order.error = ErrorOf(record.error());
  for (const v1::FailedTypeRecord& failed : record.failed_types()) {
    NORROY_ASSIGN_OR_RETURN(challenge::Name name, NameOf(failed.name()));
    NORROY_ASSIGN_OR_RETURN(const challenge::ChallengeType type, TypeOf(failed.type()));
    order.failed_types.push_back({std::move(name), type});
  }
  order.beginnings = record.beginnings();
  order.restarts = record.restarts();
  order.retries = record.retries();
  order.policy_version = record.policy_version();
  order.reuse_never = record.reuse_never();
  order.finalizer = record.finalizer();
  order.finalize_policy_version = record.finalize_policy_version();
  order.renews = record.renews();
  if (record.has_auto_renew_until()) order.auto_renew_until = TimeOf(record.auto_renew_until());
  order.replaces_refused = record.replaces_refused();
  order.fresh = record.fresh();
  order.discarded_orders = TextsOf(record.discarded_orders());
  if (record.has_poll_time()) order.poll_time = TimeOf(record.poll_time());
  order.ca_open = record.ca_open();
  order.next_cas = TextsOf(record.next_cas());
  for (const v1::FailedCaRecord& failed : record.failed_cas()) {
    order.failed_cas.push_back({failed.ca(), ErrorOf(failed.error()), TimeOf(failed.time())});
  }
  return absl::OkStatus();
}

}  // namespace

int64_t StateColumn(flow::State state) { return Stored(kStates, state); }

std::string OrderBytes(const flow::Order& order) { return ToRecord(order).SerializeAsString(); }

absl::StatusOr<flow::Order> ParseOrder(absl::string_view bytes) {
  v1::OrderRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return BadRecord("the bytes are no order");
  }
  flow::Order order;
  order.id = record.id();
  order.creator = record.creator();
  order.request_id = record.request_id();
  order.request_hash = record.request_hash();
  NORROY_ASSIGN_OR_RETURN(order.names, NamesOf(record.names()));
  if (order.names.empty()) return BadRecord("an order without names");
  order.ca = record.ca();
  order.profile = record.profile();
  order.labels = MapOf(record.labels());
  order.finalizers = TextsOf(record.finalizers());
  order.public_key_sha256 = record.public_key_sha256();
  order.preferred_chain = record.preferred_chain();
  order.force_new = record.force_new();
  order.create_time = TimeOf(record.create_time());
  order.expire_time = TimeOf(record.expire_time());
  NORROY_RETURN_IF_ERROR(SetEnginesFields(record, order));
  return order;
}

}  // namespace norroy::store
