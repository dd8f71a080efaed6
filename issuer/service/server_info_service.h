#ifndef NORROY_ISSUER_SERVICE_SERVER_INFO_SERVICE_H_
#define NORROY_ISSUER_SERVICE_SERVER_INFO_SERVICE_H_

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/rpc/handler.h"
#include "norroy/issuer/v1/server_info_service.grpc.pb.h"

namespace norroy::service {

// What is running here. Fixed but for the clock.
struct ServerFacts {
  std::string version;  // "norroy-issuer 0.1.0"
  std::string openssl_version;
  absl::Time start_time;
};

class ServerInfoService final : public issuer::v1::ServerInfoService::CallbackService {
 public:
  // `env` outlives the service.
  ServerInfoService(const rpc::HandlerEnv& env, ServerFacts facts)
      : env_(env), facts_(std::move(facts)) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const issuer::v1::GetServerInfoRequest* request,
                                          issuer::v1::GetServerInfoResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  const ServerFacts facts_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_SERVER_INFO_SERVICE_H_
