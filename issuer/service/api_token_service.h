#ifndef NORROY_ISSUER_SERVICE_API_TOKEN_SERVICE_H_
#define NORROY_ISSUER_SERVICE_API_TOKEN_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/api_token_admin.h"
#include "norroy/issuer/v1/api_token_service.grpc.pb.h"

namespace norroy::service {

// ApiTokenAdmin over gRPC.
class ApiTokenService final : public issuer::v1::ApiTokenService::CallbackService {
 public:
  // Both outlive the service.
  ApiTokenService(const rpc::HandlerEnv& env, ApiTokenAdmin& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* CreateApiToken(grpc::CallbackServerContext* context,
                                           const issuer::v1::CreateApiTokenRequest* request,
                                           issuer::v1::CreateApiTokenResponse* response) override;
  grpc::ServerUnaryReactor* ListApiTokens(grpc::CallbackServerContext* context,
                                          const issuer::v1::ListApiTokensRequest* request,
                                          issuer::v1::ListApiTokensResponse* response) override;
  grpc::ServerUnaryReactor* DeleteApiToken(grpc::CallbackServerContext* context,
                                           const issuer::v1::DeleteApiTokenRequest* request,
                                           issuer::v1::DeleteApiTokenResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  ApiTokenAdmin& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_API_TOKEN_SERVICE_H_
