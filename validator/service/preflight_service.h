#ifndef NORROY_VALIDATOR_SERVICE_PREFLIGHT_SERVICE_H_
#define NORROY_VALIDATOR_SERVICE_PREFLIGHT_SERVICE_H_

// norroy.validator.v1.PreflightService over the preflight.

#include "common/rpc/handler.h"
#include "norroy/validator/v1/preflight_service.grpc.pb.h"
#include "validator/preflight/preflight.h"

namespace norroy::validator {

class PreflightService final : public v1::PreflightService::CallbackService {
 public:
  // Both outlive the service.
  PreflightService(const rpc::HandlerEnv& env, preflight::Preflight& preflight)
      : env_(env), preflight_(preflight) {}

  grpc::ServerUnaryReactor* Look(grpc::CallbackServerContext* context,
                                 const v1::LookRequest* request,
                                 v1::LookResponse* response) override;
  grpc::ServerUnaryReactor* LookPersist(grpc::CallbackServerContext* context,
                                        const v1::LookPersistRequest* request,
                                        v1::LookPersistResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  preflight::Preflight& preflight_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_PREFLIGHT_SERVICE_H_
