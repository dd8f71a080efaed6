#include "issuer/service/rate_limit_service.h"

namespace norroy::service {

grpc::ServerUnaryReactor* RateLimitService::ListRateLimits(
    grpc::CallbackServerContext* context, const issuer::v1::ListRateLimitsRequest* request,
    issuer::v1::ListRateLimitsResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& /*call*/, const issuer::v1::ListRateLimitsRequest& request) {
        return logic_.List(request);
      });
}

grpc::ServerUnaryReactor* RateLimitService::PlanOrders(grpc::CallbackServerContext* context,
                                                       const issuer::v1::PlanOrdersRequest* request,
                                                       issuer::v1::PlanOrdersResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::PlanOrdersRequest& request) {
                      return logic_.Plan(call.caller, request);
                    });
}

}  // namespace norroy::service
