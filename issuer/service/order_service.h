#ifndef NORROY_ISSUER_SERVICE_ORDER_SERVICE_H_
#define NORROY_ISSUER_SERVICE_ORDER_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/orders.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"

namespace norroy::service {

// Orders over gRPC.
class OrderService final : public issuer::v1::OrderService::CallbackService {
 public:
  // Both outlive the service.
  OrderService(const rpc::HandlerEnv& env, Orders& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* CreateOrder(grpc::CallbackServerContext* context,
                                        const issuer::v1::CreateOrderRequest* request,
                                        issuer::v1::CreateOrderResponse* response) override;
  grpc::ServerUnaryReactor* GetOrder(grpc::CallbackServerContext* context,
                                     const issuer::v1::GetOrderRequest* request,
                                     issuer::v1::GetOrderResponse* response) override;
  grpc::ServerUnaryReactor* ListOrders(grpc::CallbackServerContext* context,
                                       const issuer::v1::ListOrdersRequest* request,
                                       issuer::v1::ListOrdersResponse* response) override;
  grpc::ServerWriteReactor<issuer::v1::WatchOrderResponse>* WatchOrder(
      grpc::CallbackServerContext* context, const issuer::v1::WatchOrderRequest* request) override;
  grpc::ServerUnaryReactor* FinalizeOrder(grpc::CallbackServerContext* context,
                                          const issuer::v1::FinalizeOrderRequest* request,
                                          issuer::v1::FinalizeOrderResponse* response) override;
  grpc::ServerUnaryReactor* CancelOrder(grpc::CallbackServerContext* context,
                                        const issuer::v1::CancelOrderRequest* request,
                                        issuer::v1::CancelOrderResponse* response) override;
  grpc::ServerUnaryReactor* RetryOrder(grpc::CallbackServerContext* context,
                                       const issuer::v1::RetryOrderRequest* request,
                                       issuer::v1::RetryOrderResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  Orders& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ORDER_SERVICE_H_
