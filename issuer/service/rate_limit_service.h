#ifndef NORROY_ISSUER_SERVICE_RATE_LIMIT_SERVICE_H_
#define NORROY_ISSUER_SERVICE_RATE_LIMIT_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/rate_limits.h"
#include "norroy/issuer/v1/rate_limit_service.grpc.pb.h"

namespace norroy::service {

// The CAs' rate limits over gRPC.
class RateLimitService final : public issuer::v1::RateLimitService::CallbackService {
 public:
  // Both outlive the service.
  RateLimitService(const rpc::HandlerEnv& env, RateLimits& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* ListRateLimits(grpc::CallbackServerContext* context,
                                           const issuer::v1::ListRateLimitsRequest* request,
                                           issuer::v1::ListRateLimitsResponse* response) override;
  grpc::ServerUnaryReactor* PlanOrders(grpc::CallbackServerContext* context,
                                       const issuer::v1::PlanOrdersRequest* request,
                                       issuer::v1::PlanOrdersResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  RateLimits& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_RATE_LIMIT_SERVICE_H_
