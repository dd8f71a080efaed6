#include "issuer/service/order_service.h"

namespace norroy::service {

grpc::ServerUnaryReactor* OrderService::CreateOrder(grpc::CallbackServerContext* context,
                                                    const issuer::v1::CreateOrderRequest* request,
                                                    issuer::v1::CreateOrderResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::CreateOrderRequest& request) {
                      return logic_.Create(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* OrderService::GetOrder(grpc::CallbackServerContext* context,
                                                 const issuer::v1::GetOrderRequest* request,
                                                 issuer::v1::GetOrderResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::GetOrderRequest& request) {
                      return logic_.Get(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* OrderService::ListOrders(grpc::CallbackServerContext* context,
                                                   const issuer::v1::ListOrdersRequest* request,
                                                   issuer::v1::ListOrdersResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::ListOrdersRequest& request) {
                      return logic_.List(call.caller, request);
                    });
}

grpc::ServerWriteReactor<issuer::v1::WatchOrderResponse>* OrderService::WatchOrder(
    grpc::CallbackServerContext* context, const issuer::v1::WatchOrderRequest* request) {
  using Response = issuer::v1::WatchOrderResponse;
  return rpc::ServerStream<Response>(
      env_, context, request,
      [this](const rpc::Call& call, const issuer::v1::WatchOrderRequest& request,
             const std::shared_ptr<rpc::StreamSink<Response>>& sink) {
        const absl::StatusOr<std::function<void()>> stop =
            logic_.Watch(call.caller, request,
                         {[sink](Response response) { sink->Send(std::move(response)); },
                          [sink](const absl::Status& status) { sink->Finish(status); }});
        if (stop.ok()) {
          sink->OnDone(*stop);
        } else {
          sink->Finish(stop.status());
        }
      });
}

grpc::ServerUnaryReactor* OrderService::FinalizeOrder(
    grpc::CallbackServerContext* context, const issuer::v1::FinalizeOrderRequest* request,
    issuer::v1::FinalizeOrderResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::FinalizeOrderRequest& request) {
                      return logic_.Finalize(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* OrderService::CancelOrder(grpc::CallbackServerContext* context,
                                                    const issuer::v1::CancelOrderRequest* request,
                                                    issuer::v1::CancelOrderResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::CancelOrderRequest& request) {
                      return logic_.Cancel(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* OrderService::RetryOrder(grpc::CallbackServerContext* context,
                                                   const issuer::v1::RetryOrderRequest* request,
                                                   issuer::v1::RetryOrderResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::RetryOrderRequest& request) {
                      return logic_.Retry(call.caller, request);
                    });
}

}  // namespace norroy::service
