#ifndef NORROY_VALIDATOR_SERVICE_AGENT_ADMIN_SERVICE_H_
#define NORROY_VALIDATOR_SERVICE_AGENT_ADMIN_SERVICE_H_

// norroy.validator.v1.AgentAdminService: the fleet as operators see and change it. Grants, bans and
// what an agent exposes are in agent_admin_trust.cc.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "common/dns/resolver.h"
#include "common/rpc/handler.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"
#include "validator/agents/enrollment.h"
#include "validator/agents/registry.h"
#include "validator/presentation/coordinator.h"
#include "validator/store/store.h"

namespace norroy::validator {

// All outlive the service.
struct AgentAdminOptions {
  const rpc::HandlerEnv& env;
  Store& store;
  Registry& registry;
  Coordinator& coordinator;
  Enrollment& enrollment;
  // An agent has changed in the store.
  std::function<absl::Status(const std::string& agent)> changed;
  // Where agents dial.
  std::vector<std::string> agent_addresses;
  dns::Resolver* resolver = nullptr;  // null: none is configured
};

inline constexpr int kMaxBanReason = 200;
// Of GetBlastRadius, which looks names up for a while.
inline constexpr int kMaxBlastCalls = 2;

class AgentAdminService final : public v1::AgentAdminService::CallbackService {
 public:
  explicit AgentAdminService(AgentAdminOptions options) : options_(std::move(options)) {}

  grpc::ServerUnaryReactor* CreateJoinToken(grpc::CallbackServerContext* context,
                                            const v1::CreateJoinTokenRequest* request,
                                            v1::CreateJoinTokenResponse* response) override;
  grpc::ServerUnaryReactor* ListAgents(grpc::CallbackServerContext* context,
                                       const v1::ListAgentsRequest* request,
                                       v1::ListAgentsResponse* response) override;
  grpc::ServerUnaryReactor* GetAgent(grpc::CallbackServerContext* context,
                                     const v1::GetAgentRequest* request,
                                     v1::GetAgentResponse* response) override;
  grpc::ServerUnaryReactor* DrainAgent(grpc::CallbackServerContext* context,
                                       const v1::DrainAgentRequest* request,
                                       v1::DrainAgentResponse* response) override;
  grpc::ServerUnaryReactor* SetAgentGrants(grpc::CallbackServerContext* context,
                                           const v1::SetAgentGrantsRequest* request,
                                           v1::SetAgentGrantsResponse* response) override;
  grpc::ServerUnaryReactor* ListAgentGrants(grpc::CallbackServerContext* context,
                                            const v1::ListAgentGrantsRequest* request,
                                            v1::ListAgentGrantsResponse* response) override;
  grpc::ServerUnaryReactor* BanAgent(grpc::CallbackServerContext* context,
                                     const v1::BanAgentRequest* request,
                                     v1::BanAgentResponse* response) override;
  grpc::ServerUnaryReactor* GetBlastRadius(grpc::CallbackServerContext* context,
                                           const v1::GetBlastRadiusRequest* request,
                                           v1::GetBlastRadiusResponse* response) override;
  grpc::ServerUnaryReactor* RemoveAgent(grpc::CallbackServerContext* context,
                                        const v1::RemoveAgentRequest* request,
                                        v1::RemoveAgentResponse* response) override;

 private:
  absl::StatusOr<v1::CreateJoinTokenResponse> Create(const rpc::Call& call,
                                                     const v1::CreateJoinTokenRequest& request);
  absl::StatusOr<v1::ListAgentsResponse> List(const v1::ListAgentsRequest& request);
  absl::StatusOr<v1::DrainAgentResponse> Drain(const rpc::Call& call,
                                               const v1::DrainAgentRequest& request);
  absl::StatusOr<v1::RemoveAgentResponse> Remove(const rpc::Call& call,
                                                 const v1::RemoveAgentRequest& request);
  absl::StatusOr<v1::SetAgentGrantsResponse> SetGrants(const rpc::Call& call,
                                                       const v1::SetAgentGrantsRequest& request);
  absl::StatusOr<v1::ListAgentGrantsResponse> ListGrants(const v1::ListAgentGrantsRequest& request);
  absl::StatusOr<v1::BanAgentResponse> BanOrLift(const rpc::Call& call,
                                                 const v1::BanAgentRequest& request);
  absl::StatusOr<v1::GetBlastRadiusResponse> BlastRadius(const rpc::Call& call,
                                                         const v1::GetBlastRadiusRequest& request);
  // The agent, or for a banned name that no agent has now, just that.
  absl::StatusOr<Agent> Known(const std::string& name);
  // All of these, by name.
  absl::StatusOr<std::vector<Agent>> AllKnown();
  v1::Agent Describe(const Agent& agent);

  const AgentAdminOptions options_;
  std::atomic<int> blast_calls_ = 0;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_AGENT_ADMIN_SERVICE_H_
