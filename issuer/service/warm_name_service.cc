#include "issuer/service/warm_name_service.h"

namespace norroy::service {

grpc::ServerUnaryReactor* WarmNameService::AddWarmNames(
    grpc::CallbackServerContext* context, const issuer::v1::AddWarmNamesRequest* request,
    issuer::v1::AddWarmNamesResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::AddWarmNamesRequest& request) {
                      return logic_.Add(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* WarmNameService::ListWarmNames(
    grpc::CallbackServerContext* context, const issuer::v1::ListWarmNamesRequest* request,
    issuer::v1::ListWarmNamesResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::ListWarmNamesRequest& request) {
                      return logic_.List(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* WarmNameService::RemoveWarmNames(
    grpc::CallbackServerContext* context, const issuer::v1::RemoveWarmNamesRequest* request,
    issuer::v1::RemoveWarmNamesResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::RemoveWarmNamesRequest& request) {
        return logic_.Remove(call.caller, request);
      });
}

}  // namespace norroy::service
