#ifndef NORROY_ISSUER_SERVICE_ORDER_CHANGES_H_
#define NORROY_ISSUER_SERVICE_ORDER_CHANGES_H_

// What a caller's wish does to an order, as pure functions from row to row: they run inside the
// store's transaction. An error leaves the order as it was.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/csr.h"
#include "issuer/flow/order.h"

namespace norroy::service {

// Begins a state: due now, or never if it is final.
void Enter(flow::State state, absl::Time now, flow::Order& order);

// READY, not expired and, if `etag` is given, unchanged. FAILED_PRECONDITION, reasons
// ORDER_NOT_READY and EXPIRED; ABORTED, reason ETAG_MISMATCH.
absl::Status CheckReadyForCsr(const flow::Order& order, absl::string_view etag, absl::Time now);

// A READY order goes on with this CSR.
void AcceptCsr(const crypto::Csr& csr, absl::Time now, flow::Order& order);

// The order ends in a certificate that was issued before.
void EndWith(const std::string& certificate_id, absl::Time now, flow::Order& order);

// FAILED_PRECONDITION, reasons ORDER_FINAL and FINALIZE_SENT. A cancelled order stays as it is.
absl::Status Cancel(absl::Time now, flow::Order& order);

// An INVALID order starts anew; one that waits is due now; a READY one, and one that is being
// worked on, stay as they are. FAILED_PRECONDITION, reasons ORDER_FINAL, GIVING_UP and EXPIRED.
absl::Status Retry(absl::Time now, flow::Order& order);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ORDER_CHANGES_H_
