#ifndef NORROY_ISSUER_SERVICE_ORDER_REQUEST_H_
#define NORROY_ISSUER_SERVICE_ORDER_REQUEST_H_

// What a caller sends about an order, checked and turned into our values. Nothing here asks a
// store, a CA or a validator. Errors are INVALID_ARGUMENT and name the field.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/csr.h"
#include "issuer/flow/order.h"
#include "norroy/issuer/v1/order_service.pb.h"

namespace norroy::service {

struct OrderRequest {
  // What the caller may set; id, creator, times of change and state are the caller's to fill in.
  flow::Order order;
  std::optional<crypto::Csr> csr;
};

// Everything but `ca` and the CA's profiles, which configuration and directory know.
absl::StatusOr<OrderRequest> ParseOrderRequest(const issuer::v1::CreateOrderRequest& request,
                                               absl::Time now);

// Hexadecimal SHA-256 of what the request asks for: everything but request_id and times.
std::string RequestHash(const issuer::v1::CreateOrderRequest& request);

// A CSR for this order: parses, has exactly the order's names and, if the order says which, its
// key. Reasons BAD_CSR and KEY_MISMATCH.
absl::StatusOr<crypto::Csr> ParseCsrFor(const flow::Order& order, absl::string_view pem_or_der);

// Until when the issuer may use a CSR again: later than now, at most kMaxAutoRenew away.
absl::StatusOr<absl::Time> ParseAutoRenewUntil(const google::protobuf::Timestamp& timestamp,
                                               absl::Time now);

// 32 lower-case hexadecimal digits. NOT_FOUND otherwise: nothing has such an id.
absl::Status CheckId(absl::string_view what, absl::string_view id);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ORDER_REQUEST_H_
