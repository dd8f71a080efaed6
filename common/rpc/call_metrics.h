#ifndef NORROY_COMMON_RPC_CALL_METRICS_H_
#define NORROY_COMMON_RPC_CALL_METRICS_H_

// Counts the calls of a server under the names that dashboards for gRPC know:
// grpc_server_started_total, grpc_server_handled_total{grpc_code} and
// grpc_server_handling_seconds, each by grpc_type, grpc_service and grpc_method. A call is handled
// when its status goes out. Methods that no service has count as "(unknown)".

#include <grpcpp/support/server_interceptor.h>

#include <memory>

#include "common/clock/clock.h"
#include "common/metrics/registry.h"

namespace norroy::rpc {

// Thread-safe. One for each registry; serves any number of servers, and outlives them.
class CallMetrics {
 public:
  CallMetrics(metrics::Registry& registry, Clock& clock);

  // For one server.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> NewInterceptors();

 private:
  friend class CallInterceptor;
  Clock& clock_;
  metrics::Counter& started_;
  metrics::Counter& handled_;
  metrics::Histogram& seconds_;
};

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_CALL_METRICS_H_
