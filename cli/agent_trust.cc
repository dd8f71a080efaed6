// `norroy agent grants|set-grants|ban|unban`

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/agent.h"
#include "cli/agent_text.h"
#include "cli/text.h"
#include "common/status_macros.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using Admin = validator::v1::AgentAdminService;

absl::StatusOr<std::unique_ptr<Admin::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Validator());
  return Admin::NewStub(channel);
}

absl::Status Ban(Context& context, const validator::v1::BanAgentRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const auto admin, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*admin, &Admin::Stub::BanAgent, request));
  ShowAgent(context.output(), response.agent());
  return absl::OkStatus();
}

}  // namespace

absl::Status AgentGrants(Context& context, const std::string& name, bool all) {
  NORROY_ASSIGN_OR_RETURN(const auto admin, Connect(context));
  List list(context.output(), {"VERSION", "SINCE", "BY", "ENROLLMENT", "MAY ANSWER"});
  validator::v1::ListAgentGrantsRequest request;
  request.set_name(name);
  if (!all) request.set_page_size(1);
  do {
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context.Call(*admin, &Admin::Stub::ListAgentGrants, request));
    for (const validator::v1::AgentGrants& version : response.versions()) {
      list.Add(version, {absl::StrCat(version.version()), TimeText(version.create_time()),
                         version.creator(), version.enrollment_id(), GrantsText(version.grants())});
    }
    request.set_page_token(response.next_page_token());
  } while (all && !request.page_token().empty());
  list.Finish();
  return absl::OkStatus();
}

absl::Status AgentSetGrants(Context& context, const SetGrantsOptions& options) {
  validator::v1::SetAgentGrantsRequest request;
  request.set_name(options.name);
  NORROY_ASSIGN_OR_RETURN(*request.add_grants(),
                          ParseGrant(options.patterns, options.types, options.responders));
  request.set_expected_version(options.expected_version);
  NORROY_ASSIGN_OR_RETURN(const auto admin, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*admin, &Admin::Stub::SetAgentGrants, request));
  ShowAgent(context.output(), response.agent());
  return absl::OkStatus();
}

absl::Status AgentBan(Context& context, const std::string& name, const std::string& reason) {
  validator::v1::BanAgentRequest request;
  request.set_name(name);
  request.set_reason(reason);
  return Ban(context, request);
}

absl::Status AgentUnban(Context& context, const std::string& name) {
  validator::v1::BanAgentRequest request;
  request.set_name(name);
  request.set_lift(true);
  return Ban(context, request);
}

}  // namespace norroy::cli
