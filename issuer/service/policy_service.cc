#include "issuer/service/policy_service.h"

namespace norroy::service {

grpc::ServerUnaryReactor* PolicyService::GetPolicy(grpc::CallbackServerContext* context,
                                                   const issuer::v1::GetPolicyRequest* request,
                                                   issuer::v1::GetPolicyResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::GetPolicyRequest& request) {
                      return logic_.Get(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* PolicyService::ApplyPolicy(grpc::CallbackServerContext* context,
                                                     const issuer::v1::ApplyPolicyRequest* request,
                                                     issuer::v1::ApplyPolicyResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::ApplyPolicyRequest& request) {
                      return logic_.Apply(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* PolicyService::ListPolicies(
    grpc::CallbackServerContext* context, const issuer::v1::ListPoliciesRequest* request,
    issuer::v1::ListPoliciesResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::ListPoliciesRequest& request) {
                      return logic_.List(call.caller, request);
                    });
}

}  // namespace norroy::service
