#include "issuer/service/order_changes.h"

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/convert.h"

namespace norroy::service {
namespace {

using flow::State;

absl::Status Precondition(absl::string_view reason, const flow::Order& order,
                          absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason,
                   absl::StrCat("order ", order.id, " ", message), {{"order", order.id}});
}

absl::Status Expired(const flow::Order& order) {
  return Precondition(
      "EXPIRED", order,
      absl::StrCat("ended at its expire_time ",
                   absl::FormatTime(order.expire_time, absl::UTCTimeZone()), "; create a new one"));
}

absl::string_view WhyNotReady(const flow::Order& order) {
  switch (StateOf(order)) {
    case issuer::v1::ORDER_STATE_PENDING:
      return order.csr.empty() ? "is PENDING: its names are not validated yet; watch it until READY"
                               : "has the CSR that it was created with";
    case issuer::v1::ORDER_STATE_PROCESSING:
      return "is PROCESSING another CSR";
    case issuer::v1::ORDER_STATE_VALID:
      return "is VALID: it ended in a certificate for another CSR; create a new order";
    case issuer::v1::ORDER_STATE_INVALID:
      return "is INVALID; retry it, or create a new one";
    default:
      return "is CANCELLED; create a new one";
  }
}

void StartAnew(absl::Time now, flow::Order& order) {
  Enter(State::kQueued, now, order);
  order.LeaveCaOrder();
  order.ending = State::kFailed;
  order.certificate_id.clear();
  order.error.reset();
  order.failed_types.clear();
  order.restarts = 0;
  order.retries = 0;
  order.discarded_orders.clear();
  // It begins where it first began.
  if (!order.failed_cas.empty()) order.ca = order.failed_cas.front().ca;
  order.failed_cas.clear();
}

}  // namespace

void Enter(State state, absl::Time now, flow::Order& order) {
  order.state = state;
  order.NoteChange(now);
  order.state_time = now;
  order.due_time = flow::IsFinal(state) ? absl::InfiniteFuture() : now;
  order.attempt = 0;
  order.waiting_for.clear();
}

absl::Status CheckReadyForCsr(const flow::Order& order, absl::string_view etag, absl::Time now) {
  if (order.state != State::kWaitingForCsr) {
    return Precondition("ORDER_NOT_READY", order, WhyNotReady(order));
  }
  if (order.expire_time <= now) return Expired(order);
  if (etag.empty() || etag == EtagOf(order)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                   absl::StrCat("order ", order.id, " changed since it had etag \"",
                                Printable(etag, 64), "\"; read it again"),
                   {{"order", order.id}});
}

void AcceptCsr(const crypto::Csr& csr, absl::Time now, flow::Order& order) {
  Enter(State::kFinalizing, now, order);
  order.csr = csr.der();
  order.csr_key_sha256 = csr.public_key().spki_sha256();
  order.finalize_requested = true;
  order.error.reset();
}

void EndWith(const std::string& certificate_id, absl::Time now, flow::Order& order) {
  Enter(State::kDone, now, order);
  order.certificate_id = certificate_id;
}

absl::Status Cancel(absl::Time now, flow::Order& order) {
  const issuer::v1::OrderState state = StateOf(order);
  if (state == issuer::v1::ORDER_STATE_CANCELLED) return absl::OkStatus();
  if (state == issuer::v1::ORDER_STATE_VALID || state == issuer::v1::ORDER_STATE_INVALID) {
    return Precondition(
        "ORDER_FINAL", order,
        absl::StrCat("is ", state == issuer::v1::ORDER_STATE_VALID ? "VALID" : "INVALID",
                     " already"));
  }
  if (!order.finalize_intent_url.empty()) {
    return Precondition("FINALIZE_SENT", order,
                        "cannot be cancelled: its CSR went to the CA, which may have issued; wait "
                        "for its end, and revoke the certificate if it is not wanted");
  }
  Enter(State::kGivingUp, now, order);
  order.ending = State::kCancelled;
  return absl::OkStatus();
}

absl::Status Retry(absl::Time now, flow::Order& order) {
  switch (order.state) {
    case State::kDone:
    case State::kCancelled:
      return Precondition("ORDER_FINAL", order, "has ended; create a new one");
    case State::kGivingUp:
      return Precondition("GIVING_UP", order,
                          "is being given up: its proofs are still being taken down; try again "
                          "in some seconds");
    case State::kFailed:
      if (order.expire_time <= now) return Expired(order);
      StartAnew(now, order);
      return absl::OkStatus();
    case State::kWaitingForCsr:
      return absl::OkStatus();
    default:
      if (order.due_time <= now) return absl::OkStatus();
      order.due_time = now;
      order.NoteChange(now);
      return absl::OkStatus();
  }
}

}  // namespace norroy::service
