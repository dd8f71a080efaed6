#include "validator/service/agent_admin_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "validator/presentation/messages.h"
#include "validator/service/convert.h"
#include "validator/service/origin.h"
#include "validator/service/page.h"

namespace norroy::validator {
namespace {

std::string TextOf(const v1::DrainAgentRequest& drain) {
  return drain.drained() ? "agent.drain" : "agent.undrain";
}

}  // namespace

grpc::ServerUnaryReactor* AgentAdminService::CreateJoinToken(
    grpc::CallbackServerContext* context, const v1::CreateJoinTokenRequest* request,
    v1::CreateJoinTokenResponse* response) {
  return rpc::Unary(options_.env, context, request, response,
                    [this](const rpc::Call& call, const v1::CreateJoinTokenRequest& create) {
                      return Create(call, create);
                    });
}

grpc::ServerUnaryReactor* AgentAdminService::ListAgents(grpc::CallbackServerContext* context,
                                                        const v1::ListAgentsRequest* request,
                                                        v1::ListAgentsResponse* response) {
  return rpc::Unary(
      options_.env, context, request, response,
      [this](const rpc::Call&, const v1::ListAgentsRequest& list) { return List(list); });
}

grpc::ServerUnaryReactor* AgentAdminService::GetAgent(grpc::CallbackServerContext* context,
                                                      const v1::GetAgentRequest* request,
                                                      v1::GetAgentResponse* response) {
  return rpc::Unary(options_.env, context, request, response,
                    [this](const rpc::Call&,
                           const v1::GetAgentRequest& get) -> absl::StatusOr<v1::GetAgentResponse> {
                      NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", get.name()));
                      NORROY_ASSIGN_OR_RETURN(const Agent agent, Known(get.name()));
                      v1::GetAgentResponse found;
                      *found.mutable_agent() = Describe(agent);
                      return found;
                    });
}

grpc::ServerUnaryReactor* AgentAdminService::DrainAgent(grpc::CallbackServerContext* context,
                                                        const v1::DrainAgentRequest* request,
                                                        v1::DrainAgentResponse* response) {
  return rpc::Unary(options_.env, context, request, response,
                    [this](const rpc::Call& call, const v1::DrainAgentRequest& drain) {
                      return Drain(call, drain);
                    });
}

grpc::ServerUnaryReactor* AgentAdminService::RemoveAgent(grpc::CallbackServerContext* context,
                                                         const v1::RemoveAgentRequest* request,
                                                         v1::RemoveAgentResponse* response) {
  return rpc::Unary(options_.env, context, request, response,
                    [this](const rpc::Call& call, const v1::RemoveAgentRequest& remove) {
                      return Remove(call, remove);
                    });
}

absl::StatusOr<v1::CreateJoinTokenResponse> AgentAdminService::Create(
    const rpc::Call& call, const v1::CreateJoinTokenRequest& request) {
  JoinTokenOrder order;
  order.agent_name = request.name();
  order.csr_der = request.csr();
  order.replace = request.replace();
  if (request.has_expire_time()) order.expire_time = FromTimestamp(request.expire_time());
  NORROY_ASSIGN_OR_RETURN(order.grants, ParseGrants(request.grants()));
  NORROY_ASSIGN_OR_RETURN(const IssuedIdentity issued,
                          options_.enrollment.CreateJoinToken(order, AuditOf(call.caller)));
  log::Info("agents", "join token made",
            {{"agent", request.name()},
             {"token_id", issued.identity.enrollment_id},
             {"by", call.caller.identity.Principal()},
             {"replace", request.replace() ? "yes" : "no"}});
  v1::CreateJoinTokenResponse response;
  response.set_token_id(issued.identity.enrollment_id);
  for (const std::string& der : issued.chain) response.add_certificate_chain(der);
  *response.mutable_expire_time() = ToTimestamp(issued.expire_time);
  for (const std::string& address : options_.agent_addresses) {
    response.add_agent_addresses(address);
  }
  return response;
}

absl::StatusOr<v1::ListAgentsResponse> AgentAdminService::List(
    const v1::ListAgentsRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  // A token is the name of the last agent of the page before.
  if (!request.page_token().empty()) {
    NORROY_RETURN_IF_ERROR(identity::CheckResourceName("page_token", request.page_token()));
  }
  NORROY_ASSIGN_OR_RETURN(const std::vector<Agent> agents, AllKnown());
  v1::ListAgentsResponse response;
  size_t bytes = 0;
  for (const Agent& agent : agents) {
    if (agent.name <= request.page_token()) continue;
    v1::Agent proto = Describe(agent);
    bytes += proto.ByteSizeLong();
    const bool full = response.agents_size() == page_size || bytes > kMaxPageBytes;
    if (full && !response.agents().empty()) {
      response.set_next_page_token(response.agents().rbegin()->name());
      break;
    }
    *response.add_agents() = std::move(proto);
  }
  return response;
}

absl::StatusOr<v1::DrainAgentResponse> AgentAdminService::Drain(
    const rpc::Call& call, const v1::DrainAgentRequest& request) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", request.name()));
  NORROY_ASSIGN_OR_RETURN(
      const Agent agent,
      options_.store.SetDrained(request.name(), request.drained(), options_.env.clock.Now(),
                                AuditOf(call.caller, TextOf(request), request.name())));
  NORROY_RETURN_IF_ERROR(options_.changed(agent.name));
  log::Info("agents", request.drained() ? "agent drained" : "agent no longer drained",
            {{"agent", agent.name}, {"by", call.caller.identity.Principal()}});
  v1::DrainAgentResponse response;
  *response.mutable_agent() = Describe(agent);
  return response;
}

absl::StatusOr<v1::RemoveAgentResponse> AgentAdminService::Remove(
    const rpc::Call& call, const v1::RemoveAgentRequest& request) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", request.name()));
  NORROY_RETURN_IF_ERROR(
      options_.store.RemoveAgent(request.name(), options_.env.clock.Now(),
                                 AuditOf(call.caller, "agent.remove", request.name())));
  NORROY_RETURN_IF_ERROR(options_.changed(request.name()));
  log::Info("agents", "agent removed",
            {{"agent", request.name()}, {"by", call.caller.identity.Principal()}});
  return v1::RemoveAgentResponse();
}

absl::StatusOr<std::vector<Agent>> AgentAdminService::AllKnown() {
  NORROY_ASSIGN_OR_RETURN(std::vector<Agent> agents, options_.store.ListAgents());
  NORROY_ASSIGN_OR_RETURN(const std::vector<Ban> bans, options_.store.ListBans());
  for (const Ban& ban : bans) {
    const auto has_name = [&ban](const Agent& agent) { return agent.name == ban.name; };
    if (std::any_of(agents.begin(), agents.end(), has_name)) continue;
    Agent& removed = agents.emplace_back();
    removed.name = ban.name;
    removed.state = AgentState::kRemoved;
    removed.ban = ban;
  }
  std::sort(agents.begin(), agents.end(),
            [](const Agent& a, const Agent& b) { return a.name < b.name; });
  return agents;
}

absl::StatusOr<Agent> AgentAdminService::Known(const std::string& name) {
  absl::StatusOr<Agent> agent = options_.store.GetAgent(name);
  if (!absl::IsNotFound(agent.status())) return agent;
  NORROY_ASSIGN_OR_RETURN(std::vector<Agent> all, AllKnown());
  for (Agent& one : all) {
    if (one.name == name) return std::move(one);
  }
  return agent;
}

v1::Agent AgentAdminService::Describe(const Agent& agent) {
  return ToProto(agent, {options_.registry.IsAttached(agent.name),
                         options_.coordinator.PresentedAt(agent.name),
                         options_.registry.CountsOf(agent.name)});
}

}  // namespace norroy::validator
