#ifndef NORROY_COMMON_RPC_AUDIT_SERVICE_H_
#define NORROY_COMMON_RPC_AUDIT_SERVICE_H_

// The audit log of a process over gRPC, and refused calls on their way into it.

#include <functional>

#include "common/audit/log.h"
#include "common/audit/refusals.h"
#include "common/rpc/handler.h"
#include "norroy/audit/v1/audit_service.grpc.pb.h"

namespace norroy::rpc {

class AuditService final : public audit::v1::AuditService::CallbackService {
 public:
  // Both outlive the service.
  AuditService(const HandlerEnv& env, audit::Log& log) : env_(env), log_(log) {}

  grpc::ServerUnaryReactor* ListRecords(grpc::CallbackServerContext* context,
                                        const audit::v1::ListRecordsRequest* request,
                                        audit::v1::ListRecordsResponse* response) override;
  grpc::ServerUnaryReactor* VerifyChains(grpc::CallbackServerContext* context,
                                         const audit::v1::VerifyChainsRequest* request,
                                         audit::v1::VerifyChainsResponse* response) override;
  grpc::ServerUnaryReactor* CreateCheckpoint(
      grpc::CallbackServerContext* context, const audit::v1::CreateCheckpointRequest* request,
      audit::v1::CreateCheckpointResponse* response) override;
  grpc::ServerUnaryReactor* ListCheckpoints(grpc::CallbackServerContext* context,
                                            const audit::v1::ListCheckpointsRequest* request,
                                            audit::v1::ListCheckpointsResponse* response) override;

 private:
  const HandlerEnv& env_;
  audit::Log& log_;
};

// For HandlerEnv::refused: "call.refused", outcome "denied". `refusals` outlives it.
std::function<void(const Refusal&)> AuditRefusals(audit::Refusals& refusals);

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_AUDIT_SERVICE_H_
