#include "cli/policy.h"

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/policy_text.h"
#include "cli/text.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/rpc/credentials.h"
#include "common/status_macros.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using config::v1::PolicyFile;
using issuer::v1::ApplyPolicyRequest;
using issuer::v1::ApplyPolicyResponse;
using issuer::v1::IssuanceGrant;
using issuer::v1::Policy;
using Agents = validator::v1::AgentAdminService;

constexpr int kMaxAgentsPerFile = 1000;

struct LoadedFile {
  PolicyFile policy;
  // Names issuance grants, be it none: without the key they are left as they are, as agents are
  // that it does not name. Lest a file about agents take everybody's right to order.
  bool has_issuance = false;
};

absl::StatusOr<LoadedFile> LoadPolicyFile(const std::string& path) {
  LoadedFile loaded;
  NORROY_RETURN_IF_ERROR(config::LoadYaml(path, loaded.policy));
  loaded.has_issuance = !loaded.policy.issuance().empty();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  for (const absl::string_view line : absl::StrSplit(text.str(), '\n')) {
    loaded.has_issuance |= absl::StartsWith(line, "issuance:") || absl::StartsWith(line, "{");
  }
  if (loaded.policy.agents_size() > kMaxAgentsPerFile) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_GRANT",
                     absl::StrCat(path, ": agents has ", loaded.policy.agents_size(),
                                  " entries; at most ", kMaxAgentsPerFile, " are allowed"));
  }
  return loaded;
}

// The issuer speaks of "grants[3]" where the file says "issuance[3]".
absl::Status InFile(const absl::Status& status, const std::string& path) {
  if (!absl::IsInvalidArgument(status)) return status;
  return MakeError(
      status.code(), ErrorReason(status),
      absl::StrCat(path, ": ", absl::StrReplaceAll(status.message(), {{"grants[", "issuance["}})),
      ErrorMetadataOf(status));
}

ApplyPolicyRequest RequestOf(const LoadedFile& file, const Policy& now,
                             const PolicyApplyOptions& options) {
  ApplyPolicyRequest request;
  request.set_comment(options.comment);
  request.set_expected_version(options.expect >= 0 ? options.expect : now.version());
  if (!file.has_issuance) *request.mutable_grants() = now.grants();
  for (const config::v1::GrantConfig& grant : file.policy.issuance()) {
    *request.add_grants() = FromFile(grant);
  }
  return request;
}

// One agent of the file, and what it has now.
struct AgentStep {
  validator::v1::SetAgentGrantsRequest request;
  AgentChange change;
  bool differs() const { return change.added_size() > 0 || change.removed_size() > 0; }
};

absl::StatusOr<AgentStep> CompareAgent(Context& context, Agents::Stub& stub,
                                       const config::v1::AgentGrantsConfig& wanted,
                                       const std::string& where) {
  AgentStep step;
  validator::v1::GetAgentRequest get;
  get.set_name(wanted.agent());
  const auto agent = context.Call(stub, &Agents::Stub::GetAgent, get);
  if (!agent.ok()) return WithContext(agent.status(), absl::StrCat(where, ".agent"));
  step.request.set_name(wanted.agent());
  step.request.set_expected_version(agent->agent().grants_version());
  step.change.set_agent(wanted.agent());
  std::vector<std::string> now;
  std::vector<std::string> next;
  for (const auto& grant : agent->agent().grants()) now.push_back(GrantLine(wanted.agent(), grant));
  for (int i = 0; i < wanted.grants_size(); ++i) {
    NORROY_ASSIGN_OR_RETURN(const auto grant,
                            FromFile(wanted.grants(i), absl::StrCat(where, ".grants[", i, "]")));
    *step.request.add_grants() = grant;
    next.push_back(GrantLine(wanted.agent(), grant));
  }
  for (const std::string& line : LinesWithout(next, now)) step.change.add_added(line);
  for (const std::string& line : LinesWithout(now, next)) step.change.add_removed(line);
  return step;
}

absl::StatusOr<std::vector<AgentStep>> CompareAgents(Context& context, Agents::Stub* stub,
                                                     const PolicyFile& file) {
  std::vector<AgentStep> steps;
  for (int i = 0; i < file.agents_size(); ++i) {
    NORROY_ASSIGN_OR_RETURN(AgentStep step, CompareAgent(context, *stub, file.agents(i),
                                                         absl::StrCat("agents[", i, "]")));
    if (step.differs()) steps.push_back(std::move(step));
  }
  return steps;
}

PolicyChange ChangeOf(const ApplyPolicyResponse& response, const std::vector<AgentStep>& steps) {
  PolicyChange change;
  change.set_version(response.version());
  for (const IssuanceGrant& grant : response.added()) change.add_added(GrantLine(grant));
  for (const IssuanceGrant& grant : response.removed()) change.add_removed(GrantLine(grant));
  for (const AgentStep& step : steps) *change.add_agents() = step.change;
  return change;
}

absl::Status ApplyAgents(Context& context, Agents::Stub* stub,
                         const std::vector<AgentStep>& steps) {
  for (const AgentStep& step : steps) {
    const auto set = context.Call(*stub, &Agents::Stub::SetAgentGrants, step.request);
    // What came before it is done: said, so that nobody believes that nothing was.
    if (!set.ok()) {
      return WithContext(set.status(),
                         absl::StrCat("agent ", step.request.name(),
                                      ": its grants are as they were, as are those of the agents "
                                      "after it in the file; apply the file again"));
    }
    context.output().Say(absl::StrCat("agent ", step.request.name(), ": grants version ",
                                      set->agent().grants_version(), " is in force"));
  }
  return absl::OkStatus();
}

std::string CommentLines(absl::string_view text) {
  std::string out;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!line.empty()) absl::StrAppend(&out, "# ", line, "\n");
  }
  return out;
}

std::string YamlOf(const Policy& policy) {
  PolicyFile stored;
  PolicyFile configured;
  for (const IssuanceGrant& grant : policy.grants()) {
    *(grant.from_configuration() ? configured : stored).add_issuance() = ToFile(grant);
  }
  std::string text =
      policy.version() == 0
          ? std::string("# nothing was applied yet\n")
          : absl::StrCat("# version ", policy.version(), ", applied ",
                         TimeText(policy.create_time()), " by ", policy.creator(), "\n");
  if (!policy.comment().empty()) {
    absl::StrAppend(&text, CommentLines(Printable(policy.comment(), 1024)));
  }
  if (configured.issuance_size() > 0) {
    absl::StrAppend(&text, "# Granted by the issuer's configuration, and changed there only:\n",
                    CommentLines(config::ToYaml(configured)));
  }
  return absl::StrCat(text, stored.issuance().empty() ? "issuance: []\n" : config::ToYaml(stored));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PolicyStub>> ConnectPolicy(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return issuer::v1::PolicyService::NewStub(channel);
}

absl::StatusOr<Policy> ReadPolicy(Context& context, PolicyStub& stub) {
  NORROY_ASSIGN_OR_RETURN(
      auto response, context.Call(stub, &PolicyStub::GetPolicy, issuer::v1::GetPolicyRequest()));
  return std::move(*response.mutable_policy());
}

absl::StatusOr<ApplyPolicyResponse> SendPolicy(Context& context, PolicyStub& stub,
                                               const ApplyPolicyRequest& request) {
  const size_t bytes = request.ByteSizeLong();
  if (bytes > rpc::kMaxApiMessage) {
    return MakeError(
        absl::StatusCode::kInvalidArgument, "POLICY_TOO_LARGE",
        absl::StrCat("the policy has ", bytes, " bytes; one call carries ", rpc::kMaxApiMessage,
                     ": put names of one principal into one grant, or name a domain "
                     "with \".example.com\" instead of each name in it"));
  }
  return context.Call(stub, &PolicyStub::ApplyPolicy, request);
}

absl::Status PolicyShow(Context& context, const PolicyShowOptions& options) {
  issuer::v1::GetPolicyRequest request;
  request.set_version(options.version);
  NORROY_ASSIGN_OR_RETURN(const auto stub, ConnectPolicy(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*stub, &PolicyStub::GetPolicy, request));
  if (context.output().json()) {
    context.output().Object(response.policy(), {});
  } else {
    context.output().Text(YamlOf(response.policy()));
  }
  return absl::OkStatus();
}

absl::Status PolicyApply(Context& context, const PolicyApplyOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const LoadedFile file, LoadPolicyFile(options.file));
  NORROY_ASSIGN_OR_RETURN(const auto issuer, ConnectPolicy(context));
  std::unique_ptr<Agents::Stub> validator;
  if (file.policy.agents_size() > 0) {
    NORROY_ASSIGN_OR_RETURN(const auto channel, context.Validator());
    validator = Agents::NewStub(channel);
  }
  // Everything is compared before anything is changed: a wrong file changes nothing.
  NORROY_ASSIGN_OR_RETURN(const Policy now, ReadPolicy(context, *issuer));
  ApplyPolicyRequest request = RequestOf(file, now, options);
  request.set_dry_run(true);
  const auto compared = SendPolicy(context, *issuer, request);
  if (!compared.ok()) return InFile(compared.status(), options.file);
  const auto steps = CompareAgents(context, validator.get(), file.policy);
  if (!steps.ok()) return WithContext(steps.status(), options.file);
  PolicyChange change = ChangeOf(*compared, *steps);
  change.set_dry_run(options.dry_run);
  if (!context.output().json()) context.output().Text(DiffText(change));
  if (!file.has_issuance) {
    context.output().Say("issuance: the file does not have this key, so these grants stay");
  }
  if (!options.dry_run) {
    request.set_dry_run(false);
    NORROY_ASSIGN_OR_RETURN(const auto applied, SendPolicy(context, *issuer, request));
    change.set_version(applied.version());
  }
  context.output().Say(absl::StrCat("policy version ", change.version(),
                                    change.version() == now.version() ? " stays" : " is",
                                    " in force"));
  if (!options.dry_run) {
    NORROY_RETURN_IF_ERROR(ApplyAgents(context, validator.get(), *steps));
  }
  if (context.output().json()) context.output().Object(change, {});
  return absl::OkStatus();
}

absl::Status PolicyHistory(Context& context) {
  issuer::v1::ListPoliciesRequest request;
  NORROY_ASSIGN_OR_RETURN(const auto stub, ConnectPolicy(context));
  List list(context.output(), {"VERSION", "APPLIED", "BY", "COMMENT"});
  do {
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context.Call(*stub, &PolicyStub::ListPolicies, request));
    for (const Policy& policy : response.policies()) {
      list.Add(policy, {absl::StrCat(policy.version()), TimeText(policy.create_time()),
                        policy.creator(), policy.comment()});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  list.Finish();
  return absl::OkStatus();
}

}  // namespace norroy::cli
