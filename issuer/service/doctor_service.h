#ifndef NORROY_ISSUER_SERVICE_DOCTOR_SERVICE_H_
#define NORROY_ISSUER_SERVICE_DOCTOR_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/doctor.h"
#include "norroy/issuer/v1/doctor_service.grpc.pb.h"

namespace norroy::service {

// Doctor over gRPC.
class DoctorService final : public issuer::v1::DoctorService::CallbackService {
 public:
  // Both outlive the service.
  DoctorService(const rpc::HandlerEnv& env, Doctor& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* Rehearse(grpc::CallbackServerContext* context,
                                     const issuer::v1::RehearseRequest* request,
                                     issuer::v1::RehearseResponse* response) override;
  grpc::ServerUnaryReactor* DescribePersistRecord(
      grpc::CallbackServerContext* context, const issuer::v1::DescribePersistRecordRequest* request,
      issuer::v1::DescribePersistRecordResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  Doctor& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_DOCTOR_SERVICE_H_
