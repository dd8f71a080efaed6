#include "cli/agent.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/join.h"
#include "cli/text.h"
#include "common/challenge/pattern.h"
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

std::string TypesText(const google::protobuf::RepeatedField<int>& types) {
  std::vector<std::string> texts;
  for (const int type : types) {
    texts.push_back(EnumText(static_cast<types::v1::ChallengeType>(type)));
  }
  return ListText(texts);
}

std::string GrantText(const ChallengeGrant& grant) {
  std::string text = absl::StrCat(ListText(grant.patterns()), " by ", TypesText(grant.types()));
  if (grant.responders() != validator::v1::RESPONDERS_UNSPECIFIED) {
    absl::StrAppend(&text, ", responders ", EnumText(grant.responders()));
  }
  return text;
}

std::string StateText(const Agent& agent) {
  std::string text = EnumText(agent.state());
  if (agent.state() == validator::v1::AGENT_STATE_ENROLLED) {
    absl::StrAppend(&text, agent.attached() ? ", attached" : ", not attached");
  }
  if (agent.drained()) absl::StrAppend(&text, ", drained");
  return text;
}

std::string RefusedText(const Agent& agent) {
  // A map of protobuf has no order of its own.
  const std::map<std::string, int64_t> refused(agent.refused().begin(), agent.refused().end());
  std::vector<std::string> texts;
  for (const auto& [reason, times] : refused) texts.push_back(absl::StrCat(reason, " ", times));
  return texts.empty() ? "" : ListText(texts);
}

std::string LastErrorText(const validator::v1::AgentPresenter& presenter) {
  if (presenter.last_error().empty()) return "-";
  return absl::StrCat(TimeText(presenter.last_error_time()), " ", presenter.last_error());
}

std::string PresentersText(const Agent& agent) {
  std::vector<std::vector<std::string>> rows;
  for (const validator::v1::AgentPresenter& presenter : agent.presenters()) {
    rows.push_back({presenter.name(), EnumText(presenter.type()), ListText(presenter.zones()),
                    absl::StrCat(presenter.put_up()), absl::StrCat(presenter.taken_down()),
                    absl::StrCat(presenter.failed()), absl::StrCat(presenter.served()),
                    absl::StrCat(presenter.unknown()), LastErrorText(presenter)});
  }
  return TableText({"PRESENTER", "TYPE", "ZONES", "PUT UP", "TAKEN DOWN", "FAILED", "SERVED",
                    "UNKNOWN", "LAST ERROR"},
                   rows);
}

void Show(Context& context, const Agent& agent) {
  Fields fields = {{"agent", agent.name()}, {"state", StateText(agent)}};
  for (const ChallengeGrant& grant : agent.grants()) {
    fields.emplace_back("may answer", GrantText(grant));
  }
  const Fields rest = {{"allows itself", ListText(agent.scope())},
                       {"can do", TypesText(agent.types())},
                       {"presented", absl::StrCat(agent.presented())},
                       {"version", agent.version()},
                       {"enrollment", agent.enrollment_id()},
                       {"enrolled", TimeText(agent.enroll_time())},
                       {"last seen", TimeText(agent.last_seen_time())},
                       {"identity ends", TimeText(agent.identity_expire_time())},
                       {"clock offset", absl::StrCat(agent.clock_offset_ms(), " ms")},
                       {"refused", RefusedText(agent)}};
  fields.insert(fields.end(), rest.begin(), rest.end());
  context.output().Object(agent, fields);
  if (context.output().json() || agent.presenters().empty()) return;
  context.output().Text(absl::StrCat("\n", PresentersText(agent)));
}

}  // namespace

absl::Status AgentTokenCreate(Context& context, const TokenCreateOptions& options) {
  Invitation invitation;
  invitation.agent = options.name;
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("NAME", options.name));
  NORROY_ASSIGN_OR_RETURN(invitation.lifetime, ParseSpan("--expires", options.expires));
  NORROY_ASSIGN_OR_RETURN(const auto patterns, challenge::ParsePatterns(options.answer));
  for (const auto& pattern : patterns) invitation.grant.add_patterns(pattern.text());
  for (const std::string& text : options.types) {
    NORROY_ASSIGN_OR_RETURN(const auto type, ParseEnum<types::v1::ChallengeType>("--type", text));
    invitation.grant.add_types(type);
  }
  if (!options.responders.empty()) {
    NORROY_ASSIGN_OR_RETURN(const auto responders, ParseEnum<validator::v1::Responders>(
                                                       "--responders", options.responders));
    invitation.grant.set_responders(responders);
  }
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
  Show(context, response.agent());
  return absl::OkStatus();
}

absl::Status AgentDrain(Context& context, const std::string& name, bool drained) {
  validator::v1::DrainAgentRequest request;
  request.set_name(name);
  request.set_drained(drained);
  NORROY_ASSIGN_OR_RETURN(const auto admin, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*admin, &Admin::Stub::DrainAgent, request));
  Show(context, response.agent());
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
