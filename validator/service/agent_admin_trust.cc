// Whom operators trust with what: grants, bans, and what an agent exposes.

#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "validator/agents/blast_radius.h"
#include "validator/service/agent_admin_service.h"
#include "validator/service/convert.h"
#include "validator/service/origin.h"
#include "validator/service/page.h"

namespace norroy::validator {
namespace {

constexpr int kVersionsAtOnce = 100;

absl::Status BadRequest(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason, message);
}

// A page token is the version of the last one of the page before.
absl::StatusOr<int64_t> VersionBefore(const std::string& page_token) {
  if (page_token.empty()) return std::numeric_limits<int64_t>::max();
  int64_t version = 0;
  if (absl::SimpleAtoi(page_token, &version) && version > 0) return version;
  return BadRequest("BAD_PAGE", absl::StrCat("page_token \"", Printable(page_token, 64),
                                             "\" is none that was given"));
}

absl::StatusOr<std::vector<challenge::Name>> BlastNames(const v1::GetBlastRadiusRequest& request) {
  if (request.names_size() > kMaxBlastNames) {
    return BadRequest("BAD_NAMES", absl::StrCat(request.names_size(), " names: at most ",
                                                kMaxBlastNames, " in one call"));
  }
  std::vector<challenge::Name> names;
  for (const std::string& text : request.names()) {
    absl::StatusOr<challenge::Name> name = challenge::Name::Parse(text);
    if (!name.ok()) return WithContext(name.status(), absl::StrCat("names[", names.size(), "]"));
    names.push_back(*std::move(name));
  }
  return names;
}

// Counts calls while it lives.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count), now_(++count) {}
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int now() const { return now_; }

 private:
  std::atomic<int>& count_;
  const int now_;
};

}  // namespace

grpc::ServerUnaryReactor* AgentAdminService::SetAgentGrants(
    grpc::CallbackServerContext* context, const v1::SetAgentGrantsRequest* request,
    v1::SetAgentGrantsResponse* response) {
  return rpc::Unary(options_.env, context, request, response,
                    [this](const rpc::Call& call, const v1::SetAgentGrantsRequest& set) {
                      return SetGrants(call, set);
                    });
}

grpc::ServerUnaryReactor* AgentAdminService::ListAgentGrants(
    grpc::CallbackServerContext* context, const v1::ListAgentGrantsRequest* request,
    v1::ListAgentGrantsResponse* response) {
  return rpc::Unary(options_.env, context, request, response,
                    [this](const rpc::Call&, const v1::ListAgentGrantsRequest& list) {
                      return ListGrants(list);
                    });
}

grpc::ServerUnaryReactor* AgentAdminService::BanAgent(grpc::CallbackServerContext* context,
                                                      const v1::BanAgentRequest* request,
                                                      v1::BanAgentResponse* response) {
  return rpc::Unary(options_.env, context, request, response,
                    [this](const rpc::Call& call, const v1::BanAgentRequest& ban) {
                      return BanOrLift(call, ban);
                    });
}

grpc::ServerUnaryReactor* AgentAdminService::GetBlastRadius(
    grpc::CallbackServerContext* context, const v1::GetBlastRadiusRequest* request,
    v1::GetBlastRadiusResponse* response) {
  return rpc::Unary(options_.env, context, request, response,
                    [this](const rpc::Call& call, const v1::GetBlastRadiusRequest& get) {
                      return BlastRadius(call, get);
                    });
}

absl::StatusOr<v1::SetAgentGrantsResponse> AgentAdminService::SetGrants(
    const rpc::Call& call, const v1::SetAgentGrantsRequest& request) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", request.name()));
  if (request.expected_version() < 0) {
    return BadRequest("BAD_GRANTS", "expected_version is a version, or 0 for whichever");
  }
  NORROY_ASSIGN_OR_RETURN(const std::vector<ChallengeGrant> grants, ParseGrants(request.grants()));
  NORROY_RETURN_IF_ERROR(CheckGrants(grants));
  NORROY_ASSIGN_OR_RETURN(
      const Agent agent,
      options_.store.SetGrants(
          request.name(), grants, request.expected_version(), options_.env.clock.Now(),
          AuditOf(call.caller, "agent.set_grants", request.name(), GrantsText(grants))));
  NORROY_RETURN_IF_ERROR(options_.changed(agent.name));
  log::Info("agents", "agent's grants set",
            {{"agent", agent.name},
             {"version", agent.grants_version},
             {"by", call.caller.identity.Principal()}});
  v1::SetAgentGrantsResponse response;
  *response.mutable_agent() = Describe(agent);
  return response;
}

absl::StatusOr<v1::ListAgentGrantsResponse> AgentAdminService::ListGrants(
    const v1::ListAgentGrantsRequest& request) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", request.name()));
  NORROY_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  NORROY_ASSIGN_OR_RETURN(int64_t before, VersionBefore(request.page_token()));
  v1::ListAgentGrantsResponse response;
  size_t bytes = 0;
  while (true) {
    NORROY_ASSIGN_OR_RETURN(const std::vector<GrantsVersion> versions,
                            options_.store.ListGrants(request.name(), before, kVersionsAtOnce));
    for (const GrantsVersion& version : versions) {
      v1::AgentGrants proto = ToProto(version);
      bytes += proto.ByteSizeLong();
      const bool full = response.versions_size() == page_size || bytes > kMaxPageBytes;
      if (full && !response.versions().empty()) {
        response.set_next_page_token(absl::StrCat(before));
        return response;
      }
      before = version.version;
      *response.add_versions() = std::move(proto);
    }
    if (versions.size() < static_cast<size_t>(kVersionsAtOnce)) break;
  }
  if (!response.versions().empty() || !request.page_token().empty()) return response;
  // A name without any is not an empty list but a mistake.
  NORROY_RETURN_IF_ERROR(options_.store.GetAgent(request.name()).status());
  return response;
}

absl::StatusOr<v1::BanAgentResponse> AgentAdminService::BanOrLift(
    const rpc::Call& call, const v1::BanAgentRequest& request) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", request.name()));
  if (request.reason().size() > kMaxBanReason) {
    return BadRequest("BAD_REASON",
                      absl::StrCat("reason: at most ", kMaxBanReason, " bytes are kept"));
  }
  const absl::Time now = options_.env.clock.Now();
  const std::string reason = Printable(request.reason());
  const std::string by = call.caller.identity.Principal();
  if (request.lift()) {
    NORROY_RETURN_IF_ERROR(options_.store.LiftBan(
        request.name(), now, AuditOf(call.caller, "agent.unban", request.name(), reason)));
  } else {
    if (reason.empty()) {
      return BadRequest("BAD_REASON", "say why: whoever looks at the ban later has to know");
    }
    NORROY_RETURN_IF_ERROR(
        options_.store.BanName({request.name(), reason, by, now},
                               AuditOf(call.caller, "agent.ban", request.name(), reason)));
  }
  NORROY_RETURN_IF_ERROR(options_.changed(request.name()));
  log::Info("agents", request.lift() ? "agent's ban lifted" : "agent banned",
            {{"agent", request.name()}, {"by", by}, {"reason", reason}});
  absl::StatusOr<Agent> agent = Known(request.name());
  if (absl::IsNotFound(agent.status())) {
    agent = Agent{};
    agent->name = request.name();
    agent->state = AgentState::kRemoved;
  }
  if (!agent.ok()) return agent.status();
  v1::BanAgentResponse response;
  *response.mutable_agent() = Describe(*agent);
  return response;
}

absl::StatusOr<v1::GetBlastRadiusResponse> AgentAdminService::BlastRadius(
    const rpc::Call& call, const v1::GetBlastRadiusRequest& request) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", request.name()));
  NORROY_ASSIGN_OR_RETURN(const std::vector<challenge::Name> names, BlastNames(request));
  NORROY_ASSIGN_OR_RETURN(const Agent agent, options_.store.GetAgent(request.name()));
  const Counted counted(blast_calls_);
  if (counted.now() > kMaxBlastCalls) {
    return MakeError(absl::StatusCode::kResourceExhausted, "BUSY",
                     absl::StrCat("the validator looks at ", kMaxBlastCalls,
                                  " agents already: try again in a few seconds"));
  }
  v1::GetBlastRadiusResponse response;
  AddGrants(agent.grants, response.mutable_grants());
  for (const std::string& pattern : agent.report.scope) response.add_scope(pattern);
  for (const std::string& zone : ZonesOf(agent)) response.add_zones(zone);
  const BlastOptions options = {options_.resolver, options_.env.clock, kBlastTimeout,
                                call.cancelled};
  for (const ExposedName& one : ExposedNames(agent, names, options)) {
    v1::ExposedName& exposed = *response.add_names();
    exposed.set_name(one.name);
    exposed.set_how(std::string(ExposureName(one.how)));
    exposed.set_owner(one.owner);
  }
  return response;
}

}  // namespace norroy::validator
