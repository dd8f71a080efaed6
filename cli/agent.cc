#include "cli/agent.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/agent_text.h"
#include "cli/join.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using validator::v1::Agent;
using validator::v1::ChallengeGrant;
using Admin = validator::v1::AgentAdminService;

absl::StatusOr<std::unique_ptr<Admin::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Validator());
  return Admin::NewStub(channel);
}

}  // namespace

absl::Status AgentTokenCreate(Context& context, const TokenCreateOptions& options) {
  Invitation invitation;
  invitation.agent = options.name;
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("NAME", options.name));
  NORROY_ASSIGN_OR_RETURN(invitation.lifetime, ParseSpan("--expires", options.expires));
  NORROY_ASSIGN_OR_RETURN(invitation.grant,
                          ParseGrant(options.answer, options.types, options.responders));
  invitation.replace = options.replace;
  invitation.file = options.out.empty() ? absl::StrCat(options.name, ".token") : options.out;
  NORROY_ASSIGN_OR_RETURN(const JoinTokenFile made, InviteAgent(context, invitation));
  context.output().Object(made, {{"agent", made.agent()},
                                 {"token", made.token_id()},
                                 {"file", made.file()},
                                 {"good until", TimeText(made.expire_time())}});
  context.output().Say(
      absl::StrCat("The file is a secret. On the agent's host, once: norroy-agent enroll "
                   "--token-file ",
                   made.file(), " --allow ", absl::StrJoin(options.answer, " ")));
  return absl::OkStatus();
}

absl::Status AgentList(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto admin, Connect(context));
  List list(context.output(), {"AGENT", "STATE", "MAY ANSWER", "PRESENTED", "LAST SEEN"});
  validator::v1::ListAgentsRequest request;
  do {
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context.Call(*admin, &Admin::Stub::ListAgents, request));
    for (const Agent& agent : response.agents()) {
      std::vector<std::string> grants;
      for (const ChallengeGrant& grant : agent.grants()) grants.push_back(GrantText(grant));
      list.Add(agent, {agent.name(), StateText(agent), absl::StrJoin(grants, "; "),
                       absl::StrCat(agent.presented()), TimeText(agent.last_seen_time())});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  list.Finish();
  return absl::OkStatus();
}

absl::Status AgentShow(Context& context, const std::string& name) {
  validator::v1::GetAgentRequest request;
  request.set_name(name);
  NORROY_ASSIGN_OR_RETURN(const auto admin, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*admin, &Admin::Stub::GetAgent, request));
  ShowAgent(context.output(), response.agent());
  return absl::OkStatus();
}

absl::Status AgentDrain(Context& context, const std::string& name, bool drained) {
  validator::v1::DrainAgentRequest request;
  request.set_name(name);
  request.set_drained(drained);
  NORROY_ASSIGN_OR_RETURN(const auto admin, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*admin, &Admin::Stub::DrainAgent, request));
  ShowAgent(context.output(), response.agent());
  return absl::OkStatus();
}

absl::Status AgentRemove(Context& context, const std::string& name) {
  validator::v1::RemoveAgentRequest request;
  request.set_name(name);
  NORROY_ASSIGN_OR_RETURN(const auto admin, Connect(context));
  NORROY_RETURN_IF_ERROR(context.Call(*admin, &Admin::Stub::RemoveAgent, request).status());
  context.output().Say(absl::StrCat("agent ", name, " is removed: its identity is refused now"));
  return absl::OkStatus();
}

}  // namespace norroy::cli
