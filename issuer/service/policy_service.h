#ifndef NORROY_ISSUER_SERVICE_POLICY_SERVICE_H_
#define NORROY_ISSUER_SERVICE_POLICY_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/policy_admin.h"
#include "norroy/issuer/v1/policy_service.grpc.pb.h"

namespace norroy::service {

// Issuance grants over gRPC.
class PolicyService final : public issuer::v1::PolicyService::CallbackService {
 public:
  // Both outlive the service.
  PolicyService(const rpc::HandlerEnv& env, PolicyAdmin& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* GetPolicy(grpc::CallbackServerContext* context,
                                      const issuer::v1::GetPolicyRequest* request,
                                      issuer::v1::GetPolicyResponse* response) override;
  grpc::ServerUnaryReactor* ApplyPolicy(grpc::CallbackServerContext* context,
                                        const issuer::v1::ApplyPolicyRequest* request,
                                        issuer::v1::ApplyPolicyResponse* response) override;
  grpc::ServerUnaryReactor* ListPolicies(grpc::CallbackServerContext* context,
                                         const issuer::v1::ListPoliciesRequest* request,
                                         issuer::v1::ListPoliciesResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  PolicyAdmin& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_POLICY_SERVICE_H_
