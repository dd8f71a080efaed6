#ifndef NORROY_CLI_ORDER_WATCH_H_
#define NORROY_CLI_ORDER_WATCH_H_

// Waiting for an order, with progress on stderr. A stream that breaks off (a restart of the
// issuer, a recycled connection) is taken up again.

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/context.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"

namespace norroy::cli {

struct WatchOptions {
  std::string id;
  bool until_ready = false;  // READY is the end, too
  absl::Duration timeout = absl::Minutes(5);
};

struct WatchedOrder {
  issuer::v1::Order order;
  std::string certificate_pem;  // of a VALID order
};

// The order in its last state, be it good or bad. DEADLINE_EXCEEDED (reason WAIT_TIMED_OUT) says
// what the order waits for and how to go on; UNAVAILABLE after 30 s without the issuer.
absl::StatusOr<WatchedOrder> WatchOrder(Context& context, issuer::v1::OrderService::Stub& orders,
                                        const WatchOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_ORDER_WATCH_H_
