#include "validator/service/server_info_service.h"

#include "common/rpc/credentials.h"
#include "validator/presentation/messages.h"

namespace norroy::validator {

grpc::ServerUnaryReactor* ServerInfoService::GetServerInfo(grpc::CallbackServerContext* context,
                                                           const v1::GetServerInfoRequest* request,
                                                           v1::GetServerInfoResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call&,
             const v1::GetServerInfoRequest&) -> absl::StatusOr<v1::GetServerInfoResponse> {
        v1::GetServerInfoResponse info;
        info.set_version(version_);
        info.set_deployment(env_.deployment);
        info.set_grpc_version(grpc::Version());
        info.set_openssl_version(rpc::TlsLibraryVersion());
        *info.mutable_start_time() = ToTimestamp(start_time_);
        *info.mutable_now() = ToTimestamp(env_.clock.Now());
        return info;
      });
}

}  // namespace norroy::validator
