#include "issuer/service/api_token_service.h"

namespace norroy::service {

grpc::ServerUnaryReactor* ApiTokenService::CreateApiToken(
    grpc::CallbackServerContext* context, const issuer::v1::CreateApiTokenRequest* request,
    issuer::v1::CreateApiTokenResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::CreateApiTokenRequest& request) {
        return logic_.Create(call.caller, request);
      });
}

grpc::ServerUnaryReactor* ApiTokenService::ListApiTokens(
    grpc::CallbackServerContext* context, const issuer::v1::ListApiTokensRequest* request,
    issuer::v1::ListApiTokensResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::ListApiTokensRequest& request) {
                      return logic_.List(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* ApiTokenService::DeleteApiToken(
    grpc::CallbackServerContext* context, const issuer::v1::DeleteApiTokenRequest* request,
    issuer::v1::DeleteApiTokenResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::DeleteApiTokenRequest& request) {
        return logic_.Delete(call.caller, request);
      });
}

}  // namespace norroy::service
