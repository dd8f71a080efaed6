#include "issuer/service/renewal_service.h"

#include <memory>
#include <utility>

namespace norroy::service {

grpc::ServerUnaryReactor* RenewalService::GetRenewal(grpc::CallbackServerContext* context,
                                                     const issuer::v1::GetRenewalRequest* request,
                                                     issuer::v1::GetRenewalResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::GetRenewalRequest& request) {
                      return logic_.Get(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* RenewalService::ListRenewals(
    grpc::CallbackServerContext* context, const issuer::v1::ListRenewalsRequest* request,
    issuer::v1::ListRenewalsResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::ListRenewalsRequest& request) {
                      return logic_.List(call.caller, request);
                    });
}

grpc::ServerWriteReactor<issuer::v1::WatchRenewalsResponse>* RenewalService::WatchRenewals(
    grpc::CallbackServerContext* context, const issuer::v1::WatchRenewalsRequest* request) {
  using Response = issuer::v1::WatchRenewalsResponse;
  return rpc::ServerStream<Response>(
      env_, context, request,
      [this](const rpc::Call& call, const issuer::v1::WatchRenewalsRequest&,
             const std::shared_ptr<rpc::StreamSink<Response>>& sink) {
        sink->OnDone(logic_.Watch(call.caller,
                                  {[sink](Response response) { sink->Send(std::move(response)); },
                                   [sink](const absl::Status& status) { sink->Finish(status); }}));
      });
}

grpc::ServerUnaryReactor* RenewalService::UpdateRenewal(
    grpc::CallbackServerContext* context, const issuer::v1::UpdateRenewalRequest* request,
    issuer::v1::UpdateRenewalResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::UpdateRenewalRequest& request) {
                      return logic_.Update(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* RenewalService::RefreshRenewal(
    grpc::CallbackServerContext* context, const issuer::v1::RefreshRenewalRequest* request,
    issuer::v1::RefreshRenewalResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::RefreshRenewalRequest& request) {
        return logic_.Refresh(call.caller, request);
      });
}

}  // namespace norroy::service
