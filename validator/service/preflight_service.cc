#include "validator/service/preflight_service.h"

#include <memory>
#include <utility>

#include "common/failpoint/failpoint.h"

namespace norroy::validator {

grpc::ServerUnaryReactor* PreflightService::Look(grpc::CallbackServerContext* context,
                                                 const v1::LookRequest* request,
                                                 v1::LookResponse* response) {
  using Completion = rpc::Completion<v1::LookResponse>;
  return rpc::Deferred(env_, context, request, response,
                       [this](const rpc::Call&, const v1::LookRequest& look,
                              std::shared_ptr<Completion> completion) {
                         NORROY_FAILPOINT("validator.looking");
                         preflight_.Look(look, [completion = std::move(completion)](auto answer) {
                           completion->Finish(std::move(answer));
                         });
                       });
}

grpc::ServerUnaryReactor* PreflightService::LookPersist(grpc::CallbackServerContext* context,
                                                        const v1::LookPersistRequest* request,
                                                        v1::LookPersistResponse* response) {
  using Completion = rpc::Completion<v1::LookPersistResponse>;
  return rpc::Deferred(env_, context, request, response,
                       [this](const rpc::Call&, const v1::LookPersistRequest& look,
                              std::shared_ptr<Completion> completion) {
                         preflight_.LookPersist(look,
                                                [completion = std::move(completion)](auto answer) {
                                                  completion->Finish(std::move(answer));
                                                });
                       });
}

}  // namespace norroy::validator
