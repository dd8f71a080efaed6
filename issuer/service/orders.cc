#include "issuer/service/orders.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/chain.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/order_changes.h"
#include "issuer/service/order_request.h"
#include "issuer/service/plan_check.h"

namespace norroy::service {
namespace {

using crypto::KeyType;
using flow::State;

std::optional<KeyType> KeyTypeOf(const std::optional<crypto::Csr>& csr) {
  if (!csr.has_value()) return std::nullopt;
  return csr->public_key().type();
}

bool Reads(const flow::StoredCertificate& certificate, const std::string& principal) {
  const std::vector<std::string>& readers = certificate.readers;
  return certificate.creator == principal ||
         std::find(readers.begin(), readers.end(), principal) != readers.end();
}

}  // namespace

absl::Time Orders::Now() { return absl::FromUnixMicros(absl::ToUnixMicros(o_.clock.Now())); }

absl::StatusOr<flow::Order> Orders::Visible(const rpc::Caller& caller, const std::string& id) {
  NORROY_RETURN_IF_ERROR(CheckId("order", id));
  absl::StatusOr<flow::Order> order = o_.store.GetOrder(id);
  if (absl::IsNotFound(order.status())) return NoSuch("order", id);
  if (order.ok() && !Sees(caller, *order)) return NoSuch("order", id);
  return order;
}

absl::StatusOr<std::string> Orders::CaOf(const std::string& requested) {
  const std::vector<std::string> cas = o_.accounts.cas();
  if (requested.empty() && !cas.empty()) return cas.front();
  if (std::find(cas.begin(), cas.end(), requested) != cas.end()) return requested;
  return MakeError(absl::StatusCode::kInvalidArgument, "CA_UNKNOWN",
                   absl::StrCat("ca: there is no CA \"", Printable(requested, 64),
                                "\"; the issuer knows ", absl::StrJoin(cas, ", ")),
                   {{"field", "ca"}});
}

absl::Status Orders::CheckProfile(const flow::Order& order) {
  NORROY_ASSIGN_OR_RETURN(acme::Client* const client, o_.accounts.ClientFor(order.ca));
  if (order.profile.empty()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const acme::Directory directory, client->GetDirectory());
  const auto& profiles = directory.profiles;
  if (profiles.empty() || profiles.count(order.profile) > 0) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kInvalidArgument, "PROFILE_UNKNOWN",
      absl::StrCat(
          "profile: CA ", order.ca, " has no profile \"", order.profile, "\"; it has ",
          absl::StrJoin(profiles, ", ", [](std::string* out, const auto& p) { *out += p.first; })),
      {{"field", "profile"}});
}

absl::Status Orders::CheckGrants(const std::string& principal, const flow::Order& order,
                                 std::optional<KeyType> key_type) {
  return o_.policy.Check({principal, order.names, order.ca, order.profile, key_type}).status();
}

absl::StatusOr<std::string> Orders::CertificatePem(const flow::Order& order) {
  if (order.state != State::kDone) return std::string();
  NORROY_ASSIGN_OR_RETURN(const flow::StoredCertificate certificate,
                          o_.store.GetCertificate(order.certificate_id));
  if (certificate.chains_pem.empty()) return std::string();
  // A repeat may prefer another chain than the order that the certificate was issued for.
  for (const std::string& pem : certificate.chains_pem) {
    if (order.preferred_chain.empty()) break;
    const auto chain = crypto::CertificateChain::ParsePem(pem);
    if (chain.ok() && chain->top_issuer() == order.preferred_chain) return pem;
  }
  return certificate.chains_pem.front();
}

template <typename Response>
absl::StatusOr<Response> Orders::Answer(const flow::Order& order) {
  Response response;
  *response.mutable_order() = ToProto(order);
  NORROY_ASSIGN_OR_RETURN(*response.mutable_certificate_pem(), CertificatePem(order));
  return response;
}

void Orders::Announce(const flow::Order& order) {
  o_.engine.Wake(order.id);
  o_.events.Publish(order);
}

absl::StatusOr<flow::Order> Orders::Change(const rpc::Caller& caller, const std::string& action,
                                           const std::string& id, const std::string& detail,
                                           const store::Store::Change& change) {
  // Taken over: the engine may be at work on a copy that does not know of the change, and must not
  // write it back.
  NORROY_ASSIGN_OR_RETURN(flow::Order order,
                          o_.store.ChangeOrder(id, /*take_over=*/true, change,
                                               {caller.identity.Principal(), action,
                                                absl::StrCat("order/", id), detail}));
  Announce(order);
  return order;
}

absl::StatusOr<issuer::v1::CreateOrderResponse> Orders::ValidateOnly(flow::Order order) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<solver::NamePlan> plans, o_.solver.Plan(order.names));
  NORROY_RETURN_IF_ERROR(CheckPlans(plans));
  order.due_time = absl::InfiniteFuture();
  issuer::v1::CreateOrderResponse response;
  *response.mutable_order() = ToProto(order);
  response.mutable_order()->clear_etag();
  return response;
}

absl::StatusOr<std::optional<std::string>> Orders::FindRepeat(const flow::Order& order,
                                                              const std::string& principal,
                                                              absl::Time now) {
  if (order.force_new || order.csr.empty()) return std::nullopt;
  NORROY_ASSIGN_OR_RETURN(const std::optional<flow::StoredCertificate> certificate,
                          o_.store.FindRepeat(order, order.csr_key_sha256, now));
  if (!certificate.has_value()) return std::nullopt;
  const store::AuditEntry audit = {principal, "certificate.read_granted",
                                   absl::StrCat("certificate/", certificate->id),
                                   absl::StrCat("repeat in order/", order.id)};
  NORROY_RETURN_IF_ERROR(Reads(*certificate, principal)
                             ? o_.store.Audit(audit, now)
                             : o_.store.AddReader(certificate->id, principal, audit));
  return certificate->id;
}

absl::StatusOr<issuer::v1::CreateOrderResponse> Orders::Create(
    const rpc::Caller& caller, const issuer::v1::CreateOrderRequest& request) {
  const absl::Time now = Now();
  NORROY_ASSIGN_OR_RETURN(OrderRequest parsed, ParseOrderRequest(request, now));
  flow::Order& order = parsed.order;
  order.creator = caller.identity.Principal();
  order.create_time = now;
  Enter(State::kQueued, now, order);
  NORROY_ASSIGN_OR_RETURN(order.ca, CaOf(request.ca()));
  NORROY_RETURN_IF_ERROR(CheckGrants(order.creator, order, KeyTypeOf(parsed.csr)));
  NORROY_RETURN_IF_ERROR(CheckProfile(order));
  if (request.validate_only()) return ValidateOnly(std::move(order));
  order.id = o_.random.Id();
  NORROY_ASSIGN_OR_RETURN(const std::optional<std::string> repeat,
                          FindRepeat(order, order.creator, now));
  if (repeat.has_value()) EndWith(*repeat, now, order);
  NORROY_ASSIGN_OR_RETURN(const flow::Order stored, o_.store.CreateOrder(order, now));
  // The same request_id again: the order is under way.
  if (stored.id == order.id) Announce(stored);
  return Answer<issuer::v1::CreateOrderResponse>(stored);
}

absl::StatusOr<issuer::v1::GetOrderResponse> Orders::Get(
    const rpc::Caller& caller, const issuer::v1::GetOrderRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const flow::Order order, Visible(caller, request.id()));
  issuer::v1::GetOrderResponse response;
  *response.mutable_order() = ToProto(order);
  return response;
}

absl::StatusOr<issuer::v1::FinalizeOrderResponse> Orders::Finalize(
    const rpc::Caller& caller, const issuer::v1::FinalizeOrderRequest& request) {
  using Response = issuer::v1::FinalizeOrderResponse;
  const absl::Time now = Now();
  const std::string principal = caller.identity.Principal();
  NORROY_ASSIGN_OR_RETURN(flow::Order order, Visible(caller, request.id()));
  NORROY_RETURN_IF_ERROR(CheckMayFinalize(caller, order));
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, ParseCsrFor(order, request.csr()));
  NORROY_RETURN_IF_ERROR(CheckGrants(principal, order, csr.public_key().type()));
  // The same CSR again is a retry of a call whose answer was lost.
  if (order.csr == csr.der()) return Answer<Response>(order);
  NORROY_RETURN_IF_ERROR(CheckReadyForCsr(order, request.etag(), now));
  AcceptCsr(csr, now, order);
  NORROY_ASSIGN_OR_RETURN(const std::optional<std::string> repeat,
                          FindRepeat(order, principal, now));
  const auto finalize = [&](flow::Order& stored) {
    if (stored.csr == csr.der()) return absl::OkStatus();
    NORROY_RETURN_IF_ERROR(CheckReadyForCsr(stored, request.etag(), now));
    AcceptCsr(csr, now, stored);
    if (repeat.has_value()) EndWith(*repeat, now, stored);
    return absl::OkStatus();
  };
  NORROY_ASSIGN_OR_RETURN(const flow::Order stored,
                          Change(caller, "order.finalize", order.id,
                                 absl::StrCat("key ", order.csr_key_sha256), finalize));
  return Answer<Response>(stored);
}

absl::StatusOr<issuer::v1::CancelOrderResponse> Orders::Cancel(
    const rpc::Caller& caller, const issuer::v1::CancelOrderRequest& request) {
  const absl::Time now = Now();
  NORROY_ASSIGN_OR_RETURN(flow::Order order, Visible(caller, request.id()));
  NORROY_RETURN_IF_ERROR(CheckOwns(caller, "order", order.creator));
  flow::Order tried = order;
  NORROY_RETURN_IF_ERROR(service::Cancel(now, tried));
  // Cancelled already: nothing to write.
  if (tried.state != order.state) {
    NORROY_ASSIGN_OR_RETURN(
        order, Change(caller, "order.cancel", order.id, "",
                      [now](flow::Order& stored) { return service::Cancel(now, stored); }));
  }
  issuer::v1::CancelOrderResponse response;
  *response.mutable_order() = ToProto(order);
  return response;
}

absl::StatusOr<issuer::v1::RetryOrderResponse> Orders::Retry(
    const rpc::Caller& caller, const issuer::v1::RetryOrderRequest& request) {
  const absl::Time now = Now();
  NORROY_ASSIGN_OR_RETURN(flow::Order order, Visible(caller, request.id()));
  NORROY_RETURN_IF_ERROR(CheckOwns(caller, "order", order.creator));
  // A retry spends at the CA again: the creator's grants must still be there.
  NORROY_RETURN_IF_ERROR(CheckGrants(order.creator, order, std::nullopt));
  flow::Order tried = order;
  NORROY_RETURN_IF_ERROR(service::Retry(now, tried));
  // READY or at work: nothing to write, and whoever works on it is not disturbed.
  if (tried.due_time != order.due_time || tried.state != order.state) {
    NORROY_ASSIGN_OR_RETURN(
        order, Change(caller, "order.retry", order.id, "",
                      [now](flow::Order& stored) { return service::Retry(now, stored); }));
  }
  issuer::v1::RetryOrderResponse response;
  *response.mutable_order() = ToProto(order);
  return response;
}

}  // namespace norroy::service
