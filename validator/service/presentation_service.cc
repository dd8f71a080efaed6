#include "validator/service/presentation_service.h"

#include <memory>
#include <utility>

#include "common/status_macros.h"

namespace norroy::validator {

grpc::ServerUnaryReactor* PresentationService::Plan(grpc::CallbackServerContext* context,
                                                    const v1::PlanRequest* request,
                                                    v1::PlanResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call&, const v1::PlanRequest& plan) { return coordinator_.Plan(plan); });
}

grpc::ServerUnaryReactor* PresentationService::Present(grpc::CallbackServerContext* context,
                                                       const v1::PresentRequest* request,
                                                       v1::PresentResponse* response) {
  using Completion = rpc::Completion<v1::PresentResponse>;
  return rpc::Deferred(env_, context, request, response,
                       [this](const rpc::Call&, const v1::PresentRequest& present,
                              std::shared_ptr<Completion> completion) {
                         coordinator_.Present(present,
                                              [completion = std::move(completion)](auto answer) {
                                                completion->Finish(std::move(answer));
                                              });
                       });
}

grpc::ServerUnaryReactor* PresentationService::Release(grpc::CallbackServerContext* context,
                                                       const v1::ReleaseRequest* request,
                                                       v1::ReleaseResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call&,
             const v1::ReleaseRequest& release) -> absl::StatusOr<v1::ReleaseResponse> {
        NORROY_RETURN_IF_ERROR(coordinator_.Release(release));
        return v1::ReleaseResponse();
      });
}

}  // namespace norroy::validator
