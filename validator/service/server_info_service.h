#ifndef NORROY_VALIDATOR_SERVICE_SERVER_INFO_SERVICE_H_
#define NORROY_VALIDATOR_SERVICE_SERVER_INFO_SERVICE_H_

// norroy.validator.v1.ServerInfoService: what is running here.

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/rpc/handler.h"
#include "norroy/validator/v1/server_info_service.grpc.pb.h"

namespace norroy::validator {

class ServerInfoService final : public v1::ServerInfoService::CallbackService {
 public:
  // `env` outlives the service.
  ServerInfoService(const rpc::HandlerEnv& env, std::string version)
      : env_(env), version_(std::move(version)), start_time_(env.clock.Now()) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::GetServerInfoResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  const std::string version_;
  const absl::Time start_time_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_SERVER_INFO_SERVICE_H_
