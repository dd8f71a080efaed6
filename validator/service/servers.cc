#include "validator/service/servers.h"

#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/diagnostics/diagnostics.h"
#include "common/dns/client.h"
#include "common/dns/resolver.h"
#include "common/identity/revocations.h"
#include "common/identity/roots.h"
#include "common/metrics/process.h"
#include "common/metrics/registry.h"
#include "common/rpc/audit_service.h"
#include "common/rpc/call_metrics.h"
#include "common/rpc/handler.h"
#include "common/rpc/server.h"
#include "common/status_macros.h"
#include "common/sync/thread_pool.h"
#include "validator/agents/enrollment.h"
#include "validator/agents/fleet_metrics.h"
#include "validator/service/agent_admin_service.h"
#include "validator/service/agent_link_service.h"
#include "validator/service/enrollment_service.h"
#include "validator/service/follower.h"
#include "validator/service/preflight_service.h"
#include "validator/service/presentation_service.h"
#include "validator/service/server_info_service.h"

namespace norroy::validator {
namespace {

constexpr int kHandlerThreads = 32;
constexpr int kMaxWaitingCalls = 1024;
// An agent has one stream and the odd renewal.
constexpr int kMaxStreamsOfAnAgent = 16;
constexpr absl::Duration kLinkGrace = absl::Milliseconds(500);

// "127.0.0.1:0" listens on a port that is known only now.
std::vector<std::string> WithPorts(const std::vector<std::string>& listen,
                                   const std::vector<int>& ports) {
  std::vector<std::string> addresses;
  for (size_t i = 0; i < listen.size(); ++i) {
    addresses.push_back(absl::StrCat(listen[i].substr(0, listen[i].rfind(':') + 1), ports[i]));
  }
  return addresses;
}

rpc::CallerLimitsOptions OfPool(rpc::CallerLimitsOptions callers) {
  callers.threads = kHandlerThreads;
  callers.max_waiting = kMaxWaitingCalls;
  return callers;
}

std::function<void(const rpc::Refusal&)> RefusalsOf(audit::Keeper* audit) {
  if (audit == nullptr) return nullptr;
  return rpc::AuditRefusals(audit->refusals());
}

class AllServers final : public Servers {
 public:
  explicit AllServers(ServersOptions options)
      : options_(std::move(options)),
        limits_(options_.clock, OfPool(options_.callers)),
        pool_(kHandlerThreads, kMaxWaitingCalls),
        core_env_{.pool = pool_,
                  .clock = options_.clock,
                  .deployment = options_.deployment,
                  .admit = [this](const rpc::Caller& caller) { return AdmitCore(caller); },
                  .refused = RefusalsOf(options_.audit),
                  .limits = &limits_},
        agent_env_{.pool = pool_,
                   .clock = options_.clock,
                   .deployment = options_.deployment,
                   .admit = [this](const rpc::Caller& caller) { return AdmitAgent(caller); },
                   .refused = RefusalsOf(options_.audit),
                   .limits = &limits_} {}
  ~AllServers() override { Stop(absl::ZeroDuration()); }

  absl::Status Build();

  const std::vector<int>& ports() const override { return core_->ports(); }
  const std::vector<int>& agent_ports() const override { return agents_->ports(); }
  std::vector<int> diagnostics_ports() const override {
    return diagnostics_ == nullptr ? std::vector<int>() : diagnostics_->ports();
  }
  void Stop(absl::Duration grace) override;

 private:
  absl::Status AdmitCore(const rpc::Caller& caller) {
    return revocations_->Check(caller.certificate_serial, caller.identity.Uri());
  }
  absl::Status AdmitAgent(const rpc::Caller& caller) { return registry_->Admit(caller.identity); }
  absl::Status Changed(const std::string& agent) {
    NORROY_RETURN_IF_ERROR(registry_->Reload(agent));
    coordinator_->FleetChanged();
    return absl::OkStatus();
  }
  absl::Status StartAgentServer();
  absl::Status StartCoreServer();
  absl::Status StartDiagnostics();

  const ServersOptions options_;
  metrics::Registry metrics_;
  // Null without a diagnostics listener.
  std::unique_ptr<rpc::CallMetrics> call_metrics_;
  // Outlives the pool's tasks.
  rpc::CallerLimits limits_;
  ThreadPool pool_;
  // Of operators, auditors and issuers; agents are removed or banned.
  std::unique_ptr<identity::Revocations> revocations_;
  std::unique_ptr<identity::SuccessorsFile> successors_;
  const rpc::HandlerEnv core_env_;
  const rpc::HandlerEnv agent_env_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Coordinator> coordinator_;
  std::optional<Follower> follower_;
  std::optional<Enrollment> enrollment_;
  std::unique_ptr<dns::Client> dns_;
  std::optional<dns::Resolver> resolver_;
  std::optional<preflight::Preflight> looker_;
  std::optional<AgentLinkService> link_;
  std::optional<EnrollmentService> enrollment_service_;
  std::optional<PresentationService> presentation_;
  std::optional<PreflightService> preflight_;
  std::optional<AgentAdminService> admin_;
  std::optional<ServerInfoService> info_;
  std::optional<rpc::AuditService> audit_;
  std::unique_ptr<rpc::Server> agents_;
  std::unique_ptr<rpc::Server> core_;
  std::optional<FleetMetrics> fleet_metrics_;
  std::unique_ptr<diagnostics::Diagnostics> diagnostics_;
};

absl::Status AllServers::Build() {
  if (!options_.diagnostics.empty()) {
    call_metrics_ = std::make_unique<rpc::CallMetrics>(metrics_, options_.clock);
  }
  NORROY_ASSIGN_OR_RETURN(revocations_,
                          identity::Revocations::Open(options_.core_tls.root_file, options_.clock));
  successors_ =
      std::make_unique<identity::SuccessorsFile>(options_.core_tls.root_file, options_.clock);
  NORROY_ASSIGN_OR_RETURN(const FleetChanges fleet, options_.store.ChangesSince(0));
  NORROY_ASSIGN_OR_RETURN(registry_, Registry::Load(options_.store));
  NORROY_ASSIGN_OR_RETURN(
      coordinator_, Coordinator::Start({options_.store, *registry_, options_.clock, options_.timers,
                                        options_.deployment}));
  enrollment_.emplace(EnrollmentOptions{
      options_.store, options_.clock, options_.random, options_.deployment, options_.edge,
      options_.agent_identity_lifetime, [this](const std::string& agent) { return Changed(agent); },
      options_.current_edge});
  if (options_.among_others) {
    follower_.emplace(options_.store, *registry_, *coordinator_, options_.clock, fleet.version);
    follower_->Start();
  }
  NORROY_RETURN_IF_ERROR(StartAgentServer());
  NORROY_RETURN_IF_ERROR(StartCoreServer());
  return options_.diagnostics.empty() ? absl::OkStatus() : StartDiagnostics();
}

absl::Status AllServers::StartDiagnostics() {
  fleet_metrics_.emplace(metrics_);
  auto process =
      std::make_shared<metrics::ProcessMetrics>(metrics_, options_.version, options_.clock.Now());
  NORROY_ASSIGN_OR_RETURN(
      diagnostics_,
      diagnostics::Diagnostics::Start(
          {.listen = options_.diagnostics,
           .registry = metrics_,
           .checks = {{"database", [this] { return options_.store.ListBans().status(); }}},
           .sample =
               [this, process] {
                 process->Sample();
                 fleet_metrics_->Sample(*registry_, options_.clock.Now());
               }},
          options_.clock));
  return absl::OkStatus();
}

absl::Status AllServers::StartAgentServer() {
  link_.emplace(AgentLinkOptions{agent_env_, options_.store, *registry_, *coordinator_,
                                 options_.timers, options_.version,
                                 [this] { return successors_->Get(); }});
  enrollment_service_.emplace(agent_env_, *enrollment_);
  rpc::ServerOptions server;
  server.listen = options_.agent_listen;
  server.tls = options_.edge_tls;
  server.services = {&*link_, &*enrollment_service_};
  // A stream lives as long as its agent; who that is, is looked at every 2 s.
  server.max_connection_age = absl::InfiniteDuration();
  server.max_streams = kMaxStreamsOfAnAgent;
  server.metrics = call_metrics_.get();
  NORROY_ASSIGN_OR_RETURN(agents_, rpc::Server::Start(server));
  return absl::OkStatus();
}

absl::Status AllServers::StartCoreServer() {
  presentation_.emplace(core_env_, *coordinator_);
  dns_ = dns::MakeClient();
  resolver_.emplace(*dns_, options_.preflight.resolvers);
  looker_.emplace(preflight::Preflight::Dependencies{*dns_, options_.clock, options_.timers},
                  options_.preflight);
  preflight_.emplace(core_env_, *looker_);
  admin_.emplace(AgentAdminOptions{
      core_env_, options_.store, *registry_, *coordinator_, *enrollment_,
      [this](const std::string& agent) { return Changed(agent); },
      options_.agent_addresses.empty() ? WithPorts(options_.agent_listen, agents_->ports())
                                       : options_.agent_addresses,
      options_.preflight.resolvers.empty() ? nullptr : &*resolver_});
  info_.emplace(core_env_, options_.version);
  rpc::ServerOptions server;
  server.listen = options_.listen;
  server.tls = options_.core_tls;
  server.services = {&*presentation_, &*preflight_, &*admin_, &*info_};
  if (options_.audit != nullptr) {
    audit_.emplace(core_env_, options_.audit->log());
    server.services.push_back(&*audit_);
  }
  server.reflection = options_.reflection;
  // An issuer holds one Present per order in play; others stop at their own limit.
  server.max_streams = options_.callers.issuer.calls_at_once;
  server.metrics = call_metrics_.get();
  NORROY_ASSIGN_OR_RETURN(core_, rpc::Server::Start(server));
  return absl::OkStatus();
}

void AllServers::Stop(absl::Duration grace) {
  diagnostics_.reset();
  // Streams first, then servers, while the pool still has its threads.
  if (link_.has_value()) link_->Stop(kLinkGrace);
  if (core_ != nullptr) core_->Stop(grace);
  if (agents_ != nullptr) agents_->Stop(grace);
  if (follower_.has_value()) follower_->Stop();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Servers>> Servers::Start(ServersOptions options) {
  auto servers = std::make_unique<AllServers>(std::move(options));
  NORROY_RETURN_IF_ERROR(servers->Build());
  return servers;
}

}  // namespace norroy::validator
