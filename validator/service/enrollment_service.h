#ifndef NORROY_VALIDATOR_SERVICE_ENROLLMENT_SERVICE_H_
#define NORROY_VALIDATOR_SERVICE_ENROLLMENT_SERVICE_H_

// norroy.validator.v1.EnrollmentService over Enrollment.

#include "common/rpc/handler.h"
#include "norroy/validator/v1/enrollment_service.grpc.pb.h"
#include "validator/agents/enrollment.h"

namespace norroy::validator {

class EnrollmentService final : public v1::EnrollmentService::CallbackService {
 public:
  // Both outlive the service.
  EnrollmentService(const rpc::HandlerEnv& env, Enrollment& enrollment)
      : env_(env), enrollment_(enrollment) {}

  grpc::ServerUnaryReactor* Enroll(grpc::CallbackServerContext* context,
                                   const v1::EnrollRequest* request,
                                   v1::EnrollResponse* response) override;
  grpc::ServerUnaryReactor* RenewIdentity(grpc::CallbackServerContext* context,
                                          const v1::RenewIdentityRequest* request,
                                          v1::RenewIdentityResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  Enrollment& enrollment_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_ENROLLMENT_SERVICE_H_
