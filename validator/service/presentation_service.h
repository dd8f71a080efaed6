#ifndef NORROY_VALIDATOR_SERVICE_PRESENTATION_SERVICE_H_
#define NORROY_VALIDATOR_SERVICE_PRESENTATION_SERVICE_H_

// norroy.validator.v1.PresentationService over the coordinator.

#include "common/rpc/handler.h"
#include "norroy/validator/v1/presentation_service.grpc.pb.h"
#include "validator/presentation/coordinator.h"

namespace norroy::validator {

class PresentationService final : public v1::PresentationService::CallbackService {
 public:
  // Both outlive the service.
  PresentationService(const rpc::HandlerEnv& env, Coordinator& coordinator)
      : env_(env), coordinator_(coordinator) {}

  grpc::ServerUnaryReactor* Plan(grpc::CallbackServerContext* context,
                                 const v1::PlanRequest* request,
                                 v1::PlanResponse* response) override;
  grpc::ServerUnaryReactor* Present(grpc::CallbackServerContext* context,
                                    const v1::PresentRequest* request,
                                    v1::PresentResponse* response) override;
  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* context,
                                    const v1::ReleaseRequest* request,
                                    v1::ReleaseResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  Coordinator& coordinator_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_PRESENTATION_SERVICE_H_
