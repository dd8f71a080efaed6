#include "issuer/service/doctor_service.h"

#include <memory>
#include <utility>

namespace norroy::service {

grpc::ServerUnaryReactor* DoctorService::Rehearse(grpc::CallbackServerContext* context,
                                                  const issuer::v1::RehearseRequest* request,
                                                  issuer::v1::RehearseResponse* response) {
  using Response = issuer::v1::RehearseResponse;
  return rpc::Deferred(env_, context, request, response,
                       [this](const rpc::Call& call, const issuer::v1::RehearseRequest& request,
                              const std::shared_ptr<rpc::Completion<Response>>& completion) {
                         const auto rehearsal =
                             logic_.Begin(call.caller, request, call.deadline,
                                          [completion](absl::StatusOr<Response> response) {
                                            completion->Finish(std::move(response));
                                          });
                         if (!rehearsal.ok()) return completion->Finish(rehearsal.status());
                         completion->OnCancel([rehearsal = *rehearsal] { rehearsal->Cancel(); });
                         logic_.LearnOfCa(request, **rehearsal);
                       });
}

grpc::ServerUnaryReactor* DoctorService::DescribePersistRecord(
    grpc::CallbackServerContext* context, const issuer::v1::DescribePersistRecordRequest* request,
    issuer::v1::DescribePersistRecordResponse* response) {
  using Response = issuer::v1::DescribePersistRecordResponse;
  return rpc::Deferred(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::DescribePersistRecordRequest& request,
             const std::shared_ptr<rpc::Completion<Response>>& completion) {
        logic_.DescribePersistRecord(call.caller, request,
                                     [completion](absl::StatusOr<Response> response) {
                                       completion->Finish(std::move(response));
                                     });
      });
}

}  // namespace norroy::service
