#include "issuer/service/server_info_service.h"

#include "absl/status/statusor.h"
#include "issuer/service/convert.h"

namespace norroy::service {

grpc::ServerUnaryReactor* ServerInfoService::GetServerInfo(
    grpc::CallbackServerContext* context, const issuer::v1::GetServerInfoRequest* request,
    issuer::v1::GetServerInfoResponse* response) {
  using Response = issuer::v1::GetServerInfoResponse;
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call&, const issuer::v1::GetServerInfoRequest&) {
                      Response info;
                      info.set_version(facts_.version);
                      info.set_deployment(env_.deployment);
                      info.set_grpc_version(grpc::Version());
                      info.set_openssl_version(facts_.openssl_version);
                      *info.mutable_start_time() = ToTimestamp(facts_.start_time);
                      *info.mutable_now() = ToTimestamp(env_.clock.Now());
                      return absl::StatusOr<Response>(std::move(info));
                    });
}

}  // namespace norroy::service
