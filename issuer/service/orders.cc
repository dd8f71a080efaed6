#include "issuer/service/orders.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/chain.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/status_macros.h"
#include "issuer/policy/next_cas.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/order_changes.h"
#include "issuer/service/order_request.h"
#include "issuer/service/order_spending.h"
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
  if (order.ok() && !Sees(caller, *order)) {
    // To the caller it does not exist; to the auditor it was asked for.
    denials_.Note(caller, "order.read", absl::StrCat("order/", id),
                  MakeError(absl::StatusCode::kPermissionDenied, "NOT_VISIBLE",
                            absl::StrCat("the order is ", order->creator, "'s")));
    return NoSuch("order", id);
  }
  return order;
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

absl::StatusOr<policy::Decision> Orders::CheckGrants(const std::string& principal,
                                                     const flow::Order& order,
                                                     std::optional<KeyType> key_type) {
  return o_.policy.Check({principal, order.names, order.ca, order.profile, key_type});
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

absl::StatusOr<issuer::v1::CreateOrderResponse> Orders::ValidateOnly(
    flow::Order order, const store::Spending& spending) {
  // It makes every validator work, as an order does, and is counted as one.
  NORROY_RETURN_IF_ERROR(o_.quotas.Spend(order.creator, absl::StrCat("look/", o_.random.Id()),
                                         spending, order.create_time));
  NORROY_ASSIGN_OR_RETURN(const std::vector<solver::NamePlan> plans, o_.solver.Plan(order.names));
  NORROY_RETURN_IF_ERROR(CheckPlans(plans));
  order.due_time = absl::InfiniteFuture();
  issuer::v1::CreateOrderResponse response;
  *response.mutable_order() = ToProto(order);
  response.mutable_order()->clear_etag();
  return response;
}

absl::StatusOr<std::optional<flow::StoredCertificate>> Orders::FindRepeat(const flow::Order& order,
                                                                          absl::Time now) {
  if (order.force_new || order.csr.empty() || !order.renews.empty()) return std::nullopt;
  NORROY_ASSIGN_OR_RETURN(auto repeat, o_.store.FindRepeat(order, order.csr_key_sha256, now));
  // An earlier one may have gone to another CA.
  flow::Order there = order;
  for (const std::string& ca : order.next_cas) {
    if (repeat.has_value()) break;
    there.ca = ca;
    NORROY_ASSIGN_OR_RETURN(repeat, o_.store.FindRepeat(there, order.csr_key_sha256, now));
  }
  return repeat;
}

absl::Status Orders::GrantReading(const rpc::Caller& caller,
                                  const flow::StoredCertificate& certificate,
                                  const flow::Order& order, int64_t policy_version,
                                  absl::Time now) {
  store::AuditEntry audit =
      AuditOf(caller, "certificate.read_granted", absl::StrCat("certificate/", certificate.id),
              absl::StrCat("repeat in order/", order.id));
  audit.policy_version = policy_version;
  audit.request_id = order.request_id;
  return Reads(certificate, audit.principal)
             ? o_.store.Audit(audit, now)
             : o_.store.AddReader(certificate.id, audit.principal, audit);
}

absl::StatusOr<issuer::v1::CreateOrderResponse> Orders::Create(
    const rpc::Caller& caller, const issuer::v1::CreateOrderRequest& request) {
  absl::StatusOr<issuer::v1::CreateOrderResponse> response = TryCreate(caller, request);
  denials_.Note(caller, "order.create", "order", response.status(), request.request_id());
  return response;
}

absl::StatusOr<issuer::v1::CreateOrderResponse> Orders::TryCreate(
    const rpc::Caller& caller, const issuer::v1::CreateOrderRequest& asked) {
  const absl::Time now = Now();
  NORROY_ASSIGN_OR_RETURN(const Renewed renewed, RenewedBy(caller, asked));
  const issuer::v1::CreateOrderRequest& request = renewed.request;
  NORROY_ASSIGN_OR_RETURN(OrderRequest parsed, ParseOrderRequest(request, now));
  flow::Order& order = parsed.order;
  NORROY_RETURN_IF_ERROR(CheckRenews(renewed, order));
  order.creator = caller.identity.Principal();
  order.create_time = now;
  Enter(State::kQueued, now, order);
  NORROY_ASSIGN_OR_RETURN(order.ca, keys::ChooseCa(o_.accounts, request.ca()));
  order.ca_open = request.ca().empty();
  NORROY_ASSIGN_OR_RETURN(const policy::Decision decision,
                          CheckGrants(order.creator, order, KeyTypeOf(parsed.csr)));
  NoteDecision(decision, order);
  if (parsed.csr.has_value()) NoteFinalizer(order.creator, decision, order);
  NORROY_RETURN_IF_ERROR(CheckProfile(order));
  order.next_cas =
      policy::NextCas(order, order.finalizer, KeyTypeOf(parsed.csr), o_.policy, o_.accounts);
  const store::Spending spending = SpendingOf(decision.quota, order);
  if (request.validate_only()) return ValidateOnly(std::move(order), spending);
  order.id = o_.random.Id();
  NORROY_ASSIGN_OR_RETURN(const auto repeat, FindRepeat(order, now));
  if (repeat.has_value()) EndWith(repeat->id, now, order);
  NORROY_FAILPOINT("issuer.order_received");
  NORROY_ASSIGN_OR_RETURN(
      const flow::Order stored,
      o_.store.CreateOrder(order, now, {caller.peer, caller.trace_id, spending}));
  // After the order, so that nobody becomes a reader who has spent his quota; and again for the
  // same request_id, if the answer before was lost in between.
  const bool ours = stored.id == order.id;
  if (repeat.has_value() && stored.certificate_id == repeat->id &&
      (ours || !Reads(*repeat, order.creator))) {
    NORROY_RETURN_IF_ERROR(GrantReading(caller, *repeat, stored, decision.version, now));
  }
  // The same request_id again: the order is under way.
  if (ours) Announce(stored);
  return Answer<issuer::v1::CreateOrderResponse>(stored);
}

absl::StatusOr<issuer::v1::GetOrderResponse> Orders::Get(
    const rpc::Caller& caller, const issuer::v1::GetOrderRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const flow::Order order, Visible(caller, request.id()));
  issuer::v1::GetOrderResponse response;
  *response.mutable_order() = ToProto(order);
  return response;
}

}  // namespace norroy::service
