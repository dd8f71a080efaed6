#include "issuer/service/convert.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "common/challenge/proof.h"
#include "common/check.h"
#include "common/crypto/encoding.h"

namespace norroy::service {
namespace {

using flow::State;

constexpr size_t kEtagDigits = 16;

issuer::v1::NameState ToProto(flow::NameState state) {
  switch (state) {
    case flow::NameState::kPending:
      return issuer::v1::NAME_STATE_PENDING;
    case flow::NameState::kPresenting:
      return issuer::v1::NAME_STATE_PRESENTING;
    case flow::NameState::kValidating:
      return issuer::v1::NAME_STATE_VALIDATING;
    case flow::NameState::kValid:
      return issuer::v1::NAME_STATE_VALID;
    case flow::NameState::kInvalid:
      return issuer::v1::NAME_STATE_INVALID;
  }
  NORROY_CHECK(false);
}

issuer::v1::OrderError ToProto(const flow::OrderError& error) {
  issuer::v1::OrderError proto;
  proto.set_message(error.message);
  proto.mutable_info()->set_reason(error.reason);
  proto.mutable_info()->set_domain("norroy");
  proto.mutable_info()->mutable_metadata()->insert(error.metadata.begin(), error.metadata.end());
  types::v1::Problem problem;
  if (!error.problem.empty() && problem.ParseFromString(error.problem)) {
    *proto.mutable_problem() = problem;
  }
  return proto;
}

issuer::v1::OrderName ToProto(const flow::NameProgress& progress) {
  issuer::v1::OrderName proto;
  proto.set_name(progress.name.text());
  proto.set_state(ToProto(progress.state));
  if (progress.type.has_value()) proto.set_challenge_type(challenge::ToProto(*progress.type));
  for (const std::string& agent : progress.agents) proto.add_agents(agent);
  proto.set_reused(progress.reused);
  if (progress.error.has_value()) *proto.mutable_error() = ToProto(*progress.error);
  for (const types::v1::View& view : progress.views) *proto.add_views() = view;
  return proto;
}

// Before the CA's order is known, and for an order that a stored certificate ended, names have no
// progress of their own.
void AddNames(const flow::Order& order, issuer::v1::Order& proto) {
  for (const challenge::Name& name : order.names) {
    const auto it = std::find_if(order.progress.begin(), order.progress.end(),
                                 [&](const flow::NameProgress& p) { return p.name == name; });
    if (it != order.progress.end()) {
      *proto.add_names() = ToProto(*it);
      continue;
    }
    issuer::v1::OrderName& shown = *proto.add_names();
    shown.set_name(name.text());
    shown.set_state(order.state == State::kDone ? issuer::v1::NAME_STATE_VALID
                                                : issuer::v1::NAME_STATE_PENDING);
  }
}

// The engine looks at it by itself then; a READY or final order waits for nothing.
bool ShowsNextAttempt(const flow::Order& order) {
  return order.due_time < absl::InfiniteFuture() && !flow::IsFinal(order.state) &&
         order.state != State::kWaitingForCsr;
}

void AddRequested(const flow::Order& order, issuer::v1::Order& proto) {
  proto.set_ca(order.ca);
  proto.set_profile(order.profile);
  proto.set_creator(order.creator);
  for (const std::string& finalizer : order.finalizers) proto.add_finalizers(finalizer);
  proto.mutable_labels()->insert(order.labels.begin(), order.labels.end());
  proto.set_public_key_sha256(order.public_key_sha256);
  proto.set_preferred_chain(order.preferred_chain);
  *proto.mutable_create_time() = ToTimestamp(order.create_time);
  *proto.mutable_expire_time() = ToTimestamp(order.expire_time);
  proto.set_renews(order.renews);
  if (order.auto_renew_until > absl::InfinitePast()) {
    *proto.mutable_auto_renew_until() = ToTimestamp(order.auto_renew_until);
  }
}

issuer::v1::Order ToProtoWithoutEtag(const flow::Order& order) {
  issuer::v1::Order proto;
  proto.set_id(order.id);
  proto.set_state(StateOf(order));
  proto.set_step(std::string(flow::StateName(order.state)));
  AddNames(order, proto);
  AddRequested(order, proto);
  proto.set_waiting_for(order.waiting_for);
  if (ShowsNextAttempt(order)) *proto.mutable_next_attempt_time() = ToTimestamp(order.due_time);
  if (order.error.has_value()) *proto.mutable_error() = ToProto(*order.error);
  for (const flow::FailedCa& failed : order.failed_cas) {
    issuer::v1::FailedCa& shown = *proto.add_failed_cas();
    shown.set_ca(failed.ca);
    *shown.mutable_error() = ToProto(failed.error);
  }
  proto.set_certificate_id(order.certificate_id);
  *proto.mutable_update_time() = ToTimestamp(order.update_time);
  return proto;
}

// Maps in the order of their keys, so that equal messages give equal bytes.
std::string SerializeDeterministically(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    NORROY_CHECK(message.SerializeToCodedStream(&coded));
  }
  return bytes;
}

std::string EtagOf(const issuer::v1::Order& proto) {
  return crypto::Hex(crypto::Sha256(SerializeDeterministically(proto))).substr(0, kEtagDigits);
}

// RFC 5280 5.3.1.
issuer::v1::RevocationReason ReasonOf(int crl_reason) {
  switch (crl_reason) {
    case 1:
      return issuer::v1::REVOCATION_REASON_KEY_COMPROMISE;
    case 3:
      return issuer::v1::REVOCATION_REASON_AFFILIATION_CHANGED;
    case 4:
      return issuer::v1::REVOCATION_REASON_SUPERSEDED;
    case 5:
      return issuer::v1::REVOCATION_REASON_CESSATION_OF_OPERATION;
    default:
      return issuer::v1::REVOCATION_REASON_UNSPECIFIED;
  }
}

}  // namespace

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);
  int64_t seconds = micros / 1'000'000;
  int64_t rest = micros % 1'000'000;
  if (rest < 0) {
    --seconds;
    rest += 1'000'000;
  }
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(rest * 1000));
  return timestamp;
}

issuer::v1::OrderState StateOf(const flow::Order& order) {
  switch (order.state) {
    case State::kQueued:
    case State::kOrdering:
    case State::kPresenting:
    case State::kValidating:
      return order.finalize_requested ? issuer::v1::ORDER_STATE_PROCESSING
                                      : issuer::v1::ORDER_STATE_PENDING;
    case State::kWaitingForCsr:
      return issuer::v1::ORDER_STATE_READY;
    case State::kFinalizing:
      return issuer::v1::ORDER_STATE_PROCESSING;
    case State::kGivingUp:
      return order.ending == State::kCancelled ? issuer::v1::ORDER_STATE_CANCELLED
                                               : issuer::v1::ORDER_STATE_INVALID;
    case State::kDone:
      return issuer::v1::ORDER_STATE_VALID;
    case State::kFailed:
      return issuer::v1::ORDER_STATE_INVALID;
    case State::kCancelled:
      return issuer::v1::ORDER_STATE_CANCELLED;
  }
  NORROY_CHECK(false);
}

std::vector<State> InnerStates(issuer::v1::OrderState state) {
  switch (state) {
    case issuer::v1::ORDER_STATE_PENDING:
      return {State::kQueued, State::kOrdering, State::kPresenting, State::kValidating};
    case issuer::v1::ORDER_STATE_READY:
      return {State::kWaitingForCsr};
    case issuer::v1::ORDER_STATE_PROCESSING:
      return {State::kQueued, State::kOrdering, State::kPresenting, State::kValidating,
              State::kFinalizing};
    case issuer::v1::ORDER_STATE_VALID:
      return {State::kDone};
    case issuer::v1::ORDER_STATE_INVALID:
      return {State::kGivingUp, State::kFailed};
    case issuer::v1::ORDER_STATE_CANCELLED:
      return {State::kGivingUp, State::kCancelled};
    default:
      return {};
  }
}

issuer::v1::Order ToProto(const flow::Order& order) {
  issuer::v1::Order proto = ToProtoWithoutEtag(order);
  proto.set_etag(EtagOf(proto));
  return proto;
}

std::string EtagOf(const flow::Order& order) { return EtagOf(ToProtoWithoutEtag(order)); }

issuer::v1::Certificate ToListedProto(const flow::StoredCertificate& certificate) {
  issuer::v1::Certificate proto;
  proto.set_id(certificate.id);
  proto.set_order_id(certificate.order_id);
  for (const challenge::Name& name : certificate.names) proto.add_names(name.text());
  proto.set_ca(certificate.ca);
  proto.set_profile(certificate.profile);
  proto.set_serial(certificate.serial);
  proto.set_public_key_sha256(certificate.public_key_sha256);
  proto.set_key_type(certificate.key_type);
  *proto.mutable_not_before() = ToTimestamp(certificate.not_before);
  *proto.mutable_not_after() = ToTimestamp(certificate.not_after);
  proto.mutable_labels()->insert(certificate.labels.begin(), certificate.labels.end());
  if (certificate.revoke_time < absl::InfiniteFuture()) {
    *proto.mutable_revoke_time() = ToTimestamp(certificate.revoke_time);
    proto.set_revocation_reason(ReasonOf(certificate.revocation_reason));
  }
  proto.set_replaced_by(certificate.replaced_by);
  proto.set_creator(certificate.creator);
  *proto.mutable_create_time() = ToTimestamp(certificate.create_time);
  if (certificate.renewal_time > absl::InfinitePast()) {
    *proto.mutable_renewal_time() = ToTimestamp(certificate.renewal_time);
  }
  return proto;
}

issuer::v1::Certificate ToProto(const flow::StoredCertificate& certificate) {
  issuer::v1::Certificate proto = ToListedProto(certificate);
  for (const std::string& chain : certificate.chains_pem) proto.add_chains_pem(chain);
  return proto;
}

issuer::v1::Account ToProto(const store::AccountRecord& account) {
  issuer::v1::Account proto;
  proto.set_ca(account.ca);
  proto.set_directory_url(account.directory_url);
  proto.set_url(account.url);
  proto.set_status(account.status);
  for (const std::string& contact : account.contacts) proto.add_contacts(contact);
  proto.set_key_thumbprint(account.key_thumbprint);
  proto.set_eab_kid(account.eab_kid);
  if (!account.url.empty()) *proto.mutable_create_time() = ToTimestamp(account.create_time);
  proto.set_terms_of_service(account.terms_of_service);
  return proto;
}

}  // namespace norroy::service
