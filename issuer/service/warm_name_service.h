#ifndef NORROY_ISSUER_SERVICE_WARM_NAME_SERVICE_H_
#define NORROY_ISSUER_SERVICE_WARM_NAME_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/warm_names.h"
#include "norroy/issuer/v1/warm_name_service.grpc.pb.h"

namespace norroy::service {

// Warm names over gRPC.
class WarmNameService final : public issuer::v1::WarmNameService::CallbackService {
 public:
  // Both outlive the service.
  WarmNameService(const rpc::HandlerEnv& env, WarmNames& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* AddWarmNames(grpc::CallbackServerContext* context,
                                         const issuer::v1::AddWarmNamesRequest* request,
                                         issuer::v1::AddWarmNamesResponse* response) override;
  grpc::ServerUnaryReactor* ListWarmNames(grpc::CallbackServerContext* context,
                                          const issuer::v1::ListWarmNamesRequest* request,
                                          issuer::v1::ListWarmNamesResponse* response) override;
  grpc::ServerUnaryReactor* RemoveWarmNames(grpc::CallbackServerContext* context,
                                            const issuer::v1::RemoveWarmNamesRequest* request,
                                            issuer::v1::RemoveWarmNamesResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  WarmNames& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_WARM_NAME_SERVICE_H_
