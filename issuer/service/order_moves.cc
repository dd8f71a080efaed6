// What callers do with an order that there is: finalize, cancel, retry.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/flow/failure.h"
#include "issuer/policy/next_cas.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/order_changes.h"
#include "issuer/service/order_request.h"
#include "issuer/service/order_spending.h"
#include "issuer/service/orders.h"

namespace norroy::service {
namespace {

using flow::State;

std::string ObjectOf(const std::string& id) { return absl::StrCat("order/", id); }

// Of the CSR that the order has; unset: it has none.
absl::StatusOr<std::optional<crypto::KeyType>> KeyTypeOf(const flow::Order& order) {
  if (order.csr.empty()) return std::optional<crypto::KeyType>();
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, crypto::Csr::Parse(order.csr));
  return std::optional<crypto::KeyType>(csr.public_key().type());
}

}  // namespace

absl::StatusOr<flow::Order> Orders::Change(const rpc::Caller& caller, const std::string& action,
                                           const flow::Order& order, const std::string& detail,
                                           int64_t policy_version,
                                           const store::Store::Change& change) {
  store::AuditEntry audit = AuditOf(caller, action, ObjectOf(order.id), detail);
  audit.policy_version = policy_version;
  audit.request_id = order.request_id;
  // Taken over: the engine may be at work on a copy that does not know of the change, and must not
  // write it back.
  NORROY_ASSIGN_OR_RETURN(flow::Order changed,
                          o_.store.ChangeOrder(order.id, /*take_over=*/true, change, audit));
  Announce(changed);
  return changed;
}

absl::StatusOr<issuer::v1::FinalizeOrderResponse> Orders::Finalize(
    const rpc::Caller& caller, const issuer::v1::FinalizeOrderRequest& request) {
  const absl::StatusOr<flow::Order> order = TryFinalize(caller, request);
  denials_.Note(caller, "order.finalize", ObjectOf(Printable(request.id(), 64)), order.status());
  if (!order.ok()) return order.status();
  issuer::v1::FinalizeOrderResponse response;
  *response.mutable_order() = ToProto(*order);
  NORROY_ASSIGN_OR_RETURN(*response.mutable_certificate_pem(), CertificatePem(*order));
  return response;
}

absl::StatusOr<flow::Order> Orders::TryFinalize(const rpc::Caller& caller,
                                                const issuer::v1::FinalizeOrderRequest& request) {
  const absl::Time now = Now();
  const std::string principal = caller.identity.Principal();
  NORROY_ASSIGN_OR_RETURN(flow::Order order, Visible(caller, request.id()));
  NORROY_RETURN_IF_ERROR(CheckMayFinalize(caller, order));
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, ParseCsrFor(order, request.csr()));
  NORROY_ASSIGN_OR_RETURN(const policy::Decision decision,
                          CheckGrants(principal, order, csr.public_key().type()));
  // The same CSR again is a retry of a call whose answer was lost.
  if (order.csr == csr.der()) return order;
  NORROY_RETURN_IF_ERROR(CheckReadyForCsr(order, request.etag(), now));
  AcceptCsr(csr, now, order);
  const std::vector<std::string> granted = policy::GrantedCas(
      order.next_cas, order, principal, csr.public_key().type(), o_.policy, o_.accounts);
  NORROY_ASSIGN_OR_RETURN(const auto repeat, FindRepeat(order, now));
  if (repeat.has_value()) {
    NORROY_RETURN_IF_ERROR(GrantReading(caller, *repeat, order, decision.version, now));
  }
  const auto finalize = [&](flow::Order& stored) {
    if (stored.csr == csr.der()) return absl::OkStatus();
    NORROY_RETURN_IF_ERROR(CheckReadyForCsr(stored, request.etag(), now));
    AcceptCsr(csr, now, stored);
    stored.next_cas = granted;
    NoteFinalizer(principal, decision, stored);
    if (repeat.has_value()) EndWith(repeat->id, now, stored);
    return absl::OkStatus();
  };
  return Change(caller, "order.finalize", order, absl::StrCat("key ", order.csr_key_sha256),
                decision.version, finalize);
}

absl::StatusOr<issuer::v1::CancelOrderResponse> Orders::Cancel(
    const rpc::Caller& caller, const issuer::v1::CancelOrderRequest& request) {
  const absl::Time now = Now();
  NORROY_ASSIGN_OR_RETURN(flow::Order order, Visible(caller, request.id()));
  const absl::Status owns = CheckOwns(caller, "order", order.creator);
  denials_.Note(caller, "order.cancel", ObjectOf(order.id), owns);
  NORROY_RETURN_IF_ERROR(owns);
  flow::Order tried = order;
  NORROY_RETURN_IF_ERROR(service::Cancel(now, tried));
  // Cancelled already: nothing to write.
  if (tried.state != order.state) {
    NORROY_ASSIGN_OR_RETURN(
        order, Change(caller, "order.cancel", order, "", 0,
                      [now](flow::Order& stored) { return service::Cancel(now, stored); }));
  }
  issuer::v1::CancelOrderResponse response;
  *response.mutable_order() = ToProto(order);
  return response;
}

absl::StatusOr<policy::Decision> Orders::CheckRetryGrants(const flow::Order& order) {
  NORROY_ASSIGN_OR_RETURN(const policy::Decision decision,
                          CheckGrants(order.creator, order, std::nullopt));
  NORROY_ASSIGN_OR_RETURN(const std::optional<crypto::KeyType> key_type, KeyTypeOf(order));
  if (!key_type.has_value()) return decision;
  // It runs on to its certificate without another FinalizeOrder: whoever handed the CSR in must
  // still be allowed its key, too.
  const std::string& finalizer = order.finalizer.empty() ? order.creator : order.finalizer;
  NORROY_RETURN_IF_ERROR(CheckGrants(finalizer, order, key_type).status());
  return decision;
}

absl::StatusOr<issuer::v1::RetryOrderResponse> Orders::Retry(
    const rpc::Caller& caller, const issuer::v1::RetryOrderRequest& request) {
  absl::StatusOr<flow::Order> order = TryRetry(caller, request);
  denials_.Note(caller, "order.retry", ObjectOf(Printable(request.id(), 64)), order.status());
  if (!order.ok()) return order.status();
  issuer::v1::RetryOrderResponse response;
  *response.mutable_order() = ToProto(*order);
  return response;
}

absl::StatusOr<flow::Order> Orders::TryRetry(const rpc::Caller& caller,
                                             const issuer::v1::RetryOrderRequest& request) {
  const absl::Time now = Now();
  NORROY_ASSIGN_OR_RETURN(flow::Order order, Visible(caller, request.id()));
  NORROY_RETURN_IF_ERROR(CheckOwns(caller, "order", order.creator));
  flow::Order tried = order;
  NORROY_RETURN_IF_ERROR(service::Retry(now, tried));
  // A retry spends at the CA again, at its first one: the grants must still be there.
  NORROY_ASSIGN_OR_RETURN(const policy::Decision decision, CheckRetryGrants(tried));
  NORROY_RETURN_IF_ERROR(flow::LiftHolds(order, o_.store));
  if (tried.ca != order.ca) NORROY_RETURN_IF_ERROR(flow::LiftHolds(tried, o_.store));
  // READY or at work: nothing to write, and whoever works on it is not disturbed.
  if (tried.due_time == order.due_time && tried.state == order.state) return order;
  if (tried.state != order.state) {
    // It begins anew, with another order at the CA.
    NORROY_RETURN_IF_ERROR(o_.quotas.Spend(order.creator, absl::StrCat("retry/", o_.random.Id()),
                                           SpendingOf(decision.quota, order), now));
  }
  NORROY_ASSIGN_OR_RETURN(const std::optional<crypto::KeyType> key_type, KeyTypeOf(order));
  const std::vector<std::string> next_cas =
      policy::NextCas(tried, tried.finalizer, key_type, o_.policy, o_.accounts);
  return Change(caller, "order.retry", order, "", decision.version, [&](flow::Order& stored) {
    const State before = stored.state;
    NORROY_RETURN_IF_ERROR(service::Retry(now, stored));
    if (stored.state == before) return absl::OkStatus();
    NoteDecision(decision, stored);
    stored.next_cas = next_cas;
    return absl::OkStatus();
  });
}

}  // namespace norroy::service
