#ifndef NORROY_ISSUER_SERVICE_RENEWAL_SERVICE_H_
#define NORROY_ISSUER_SERVICE_RENEWAL_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/renewals.h"
#include "norroy/issuer/v1/renewal_service.grpc.pb.h"

namespace norroy::service {

// Renewals over gRPC.
class RenewalService final : public issuer::v1::RenewalService::CallbackService {
 public:
  // Both outlive the service.
  RenewalService(const rpc::HandlerEnv& env, Renewals& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* GetRenewal(grpc::CallbackServerContext* context,
                                       const issuer::v1::GetRenewalRequest* request,
                                       issuer::v1::GetRenewalResponse* response) override;
  grpc::ServerUnaryReactor* ListRenewals(grpc::CallbackServerContext* context,
                                         const issuer::v1::ListRenewalsRequest* request,
                                         issuer::v1::ListRenewalsResponse* response) override;
  grpc::ServerWriteReactor<issuer::v1::WatchRenewalsResponse>* WatchRenewals(
      grpc::CallbackServerContext* context,
      const issuer::v1::WatchRenewalsRequest* request) override;
  grpc::ServerUnaryReactor* UpdateRenewal(grpc::CallbackServerContext* context,
                                          const issuer::v1::UpdateRenewalRequest* request,
                                          issuer::v1::UpdateRenewalResponse* response) override;
  grpc::ServerUnaryReactor* RefreshRenewal(grpc::CallbackServerContext* context,
                                           const issuer::v1::RefreshRenewalRequest* request,
                                           issuer::v1::RefreshRenewalResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  Renewals& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_RENEWAL_SERVICE_H_
