#include "issuer/issuer.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/audit/keeper.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/daemon/database.h"
#include "common/diagnostics/diagnostics.h"
#include "common/http/curl_client.h"
#include "common/identity/revocations.h"
#include "common/lease/tenure.h"
#include "common/log/log.h"
#include "common/metrics/process.h"
#include "common/metrics/registry.h"
#include "common/rpc/audit_service.h"
#include "common/rpc/call_metrics.h"
#include "common/rpc/caller_limits.h"
#include "common/rpc/credentials.h"
#include "common/rpc/handler.h"
#include "common/rpc/server.h"
#include "common/sql/database.h"
#include "common/status_macros.h"
#include "common/sync/thread_pool.h"
#include "issuer/flow/budget.h"
#include "issuer/flow/engine.h"
#include "issuer/flow/events.h"
#include "issuer/flow/follower.h"
#include "issuer/flow/withdrawal.h"
#include "issuer/keys/accounts.h"
#include "issuer/keys/registration.h"
#include "issuer/limits/ca_limits.h"
#include "issuer/metrics.h"
#include "issuer/policy/live_policy.h"
#include "issuer/renewal/keeper.h"
#include "issuer/renewal/warmer.h"
#include "issuer/seal_watch.h"
#include "issuer/service/api.h"
#include "issuer/sign_in/door.h"
#include "issuer/solver/grpc_validator_link.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/validator_solver.h"
#include "issuer/store/api_tokens.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/inventory.h"
#include "issuer/store/ledger.h"
#include "issuer/store/policies.h"
#include "issuer/store/quota.h"
#include "issuer/store/renewals.h"
#include "issuer/store/store.h"
#include "issuer/store/warm_names.h"

namespace norroy {
namespace {

constexpr char kUserAgent[] = "norroy/0.1.0";
constexpr int kHandlerThreads = 32;
constexpr int kMaxWaitingCalls = 1024;
// At the first start only: an order that comes at once should find its account.
constexpr absl::Duration kFirstRegistration = absl::Seconds(5);

absl::StatusOr<std::unique_ptr<http::Client>> NewOidcClient(const std::string& root_file) {
  http::CurlOptions options;
  options.root_file = root_file;
  options.user_agent = kUserAgent;
  return http::NewCurlClient(options);
}

std::vector<std::string> CasToRegister(const IssuerSettings& settings) {
  std::vector<std::string> cas;
  for (const keys::CaSettings& ca : settings.cas) {
    if (ca.agree_tos) cas.push_back(ca.name);
  }
  return cas;
}

renewal::ReuseTimes ReuseTimesOf(const std::vector<keys::CaSettings>& cas) {
  renewal::ReuseTimes times;
  for (const keys::CaSettings& ca : cas) {
    for (const auto& [profile, time] : ca.authorization_reuse) times[{ca.name, profile}] = time;
  }
  return times;
}

limits::KnownCas KnownCasOf(const std::vector<keys::CaSettings>& cas) {
  limits::KnownCas known;
  for (const keys::CaSettings& ca : cas) known[ca.name] = {ca.acme.directory_url, ca.limits};
  return known;
}

rpc::CallerLimitsOptions LimitsOf(const IssuerSettings& settings) {
  rpc::CallerLimitsOptions limits = settings.callers;
  limits.threads = kHandlerThreads;
  limits.max_waiting = kMaxWaitingCalls;
  return limits;
}

class WholeIssuer final : public Issuer {
 public:
  WholeIssuer(IssuerSettings settings, std::string version, Clock& clock)
      : settings_(std::move(settings)),
        known_cas_(KnownCasOf(settings_.cas)),
        self_(absl::StrCat("issuer/", settings_.name)),
        version_(std::move(version)),
        clock_(clock),
        metrics_(registry_, clock),
        callers_(clock, LimitsOf(settings_)),
        pool_(kHandlerThreads, kMaxWaitingCalls) {}
  ~WholeIssuer() override { Stop(absl::ZeroDuration()); }

  absl::Status Build() {
    NORROY_RETURN_IF_ERROR(OpenStores());
    NORROY_RETURN_IF_ERROR(MakeFlow());
    MakeKeepers();
    NORROY_RETURN_IF_ERROR(MakeApi());
    return Serve();
  }

  const std::vector<int>& ports() const override { return server_->ports(); }
  void Stop(absl::Duration grace) override;

 private:
  absl::Status OpenStores();
  absl::Status BeginTenure();
  absl::StatusOr<std::unique_ptr<http::Client>> NewHttpClient(const keys::CaSettings& ca);
  absl::Status ConnectValidators();
  absl::Status MakeFlow();
  void MakeKeepers();
  absl::Status MakeApi();
  absl::Status Serve();
  absl::Status OpenDoor();
  absl::Status OpenDiagnostics();

  IssuerSettings settings_;
  const limits::KnownCas known_cas_;
  const std::string self_;
  const std::string version_;
  Clock& clock_;
  crypto::SystemRandom random_;
  ThreadTimers timers_;
  metrics::Registry registry_;
  IssuerMetrics metrics_;
  // Null without a diagnostics listener.
  std::unique_ptr<rpc::CallMetrics> call_metrics_;

  std::unique_ptr<daemon::OwnDatabase> database_;
  // Null: no other issuer has the database.
  std::unique_ptr<lease::Tenure> tenure_;
  std::unique_ptr<store::Store> store_;
  std::optional<store::Authorizations> authorizations_;
  std::optional<store::Policies> policies_;
  std::optional<store::Quotas> quotas_;
  std::optional<store::ApiTokens> api_tokens_;
  std::optional<store::Renewals> renewals_;
  std::optional<store::WarmNames> warm_names_;
  std::optional<store::Ledger> ledger_;
  std::optional<policy::LivePolicy> policy_;
  std::optional<store::Inventory> inventory_;
  std::optional<audit::Keeper> audit_;

  std::unique_ptr<keys::Accounts> accounts_;
  std::optional<solver::Sealer> sealer_;
  std::optional<SealWatch> seal_watch_;
  flow::Events events_;
  std::optional<flow::Follower> follower_;
  std::unique_ptr<flow::Withdrawal> withdrawal_;
  std::optional<flow::Budget> budget_;
  std::unique_ptr<flow::Engine> engine_;
  std::unique_ptr<renewal::Keeper> keeper_;
  std::unique_ptr<renewal::Warmer> warmer_;
  // It calls the engine: it ends first.
  std::unique_ptr<solver::Solver> solver_;
  std::optional<keys::Registration> registration_;

  rpc::CallerLimits callers_;
  ThreadPool pool_;
  std::unique_ptr<identity::Revocations> revocations_;
  std::optional<rpc::HandlerEnv> env_;
  std::unique_ptr<service::Api> api_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<sign_in::Door> door_;
  std::unique_ptr<diagnostics::Diagnostics> diagnostics_;
};

absl::Status WholeIssuer::OpenStores() {
  NORROY_ASSIGN_OR_RETURN(database_,
                          daemon::OwnDatabase::Open(settings_.database, Schema(), self_));
  sql::Database& database = **database_;
  store_ = store::Store::Make(database, self_);
  authorizations_.emplace(database, self_);
  policies_.emplace(database, self_);
  quotas_.emplace(database);
  api_tokens_.emplace(database, self_);
  renewals_.emplace(database, self_);
  warm_names_.emplace(database, self_);
  ledger_.emplace(database);
  policy_.emplace(settings_.grants.grants, *policies_);
  inventory_.emplace(database);
  audit_.emplace(audit::LogOptions{.database = database,
                                   .clock = clock_,
                                   .deployment = settings_.deployment,
                                   .writer = self_,
                                   .identity_file = settings_.identity_file},
                 timers_, settings_.checkpoint_every);
  return database_->shared() ? BeginTenure() : absl::OkStatus();
}

absl::Status WholeIssuer::BeginTenure() {
  const auto give_away = [](sql::Connection& connection, const std::string& name) {
    return store::Store::BreakLeases(connection, name).status();
  };
  NORROY_ASSIGN_OR_RETURN(tenure_, lease::Tenure::Begin({.database = **database_,
                                                         .clock = clock_,
                                                         .name = self_,
                                                         .incarnation = random_.Id(),
                                                         .give_away = give_away}));
  tenure_->Start();
  follower_.emplace(*store_, events_, clock_);
  follower_->Start();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<http::Client>> WholeIssuer::NewHttpClient(
    const keys::CaSettings& ca) {
  http::CurlOptions options = ca.http;
  options.user_agent = kUserAgent;
  // What other issuers may be at work on is none of ours to send.
  if (tenure_ != nullptr) options.may_go_on = [this] { return tenure_->Lasts(); };
  NORROY_ASSIGN_OR_RETURN(std::unique_ptr<http::Client> client, http::NewCurlClient(options));
  return metrics_.Count(ca.name, std::move(client));
}

absl::Status WholeIssuer::ConnectValidators() {
  NORROY_ASSIGN_OR_RETURN(
      const auto credentials,
      rpc::ClientCredentials({settings_.identity_file, settings_.core_root_file},
                             settings_.deployment, types::v1::ROLE_VALIDATOR));
  solver::ValidatorSolverOptions options{.validators = {}, .timers = timers_, .clock = clock_};
  for (const std::string& address : settings_.validators) {
    options.validators.push_back(
        solver::NewGrpcValidatorLink(address, rpc::NewChannel(address, credentials)));
  }
  solver_ = solver::MakeValidatorSolver(std::move(options));
  return absl::OkStatus();
}

absl::Status WholeIssuer::MakeFlow() {
  NORROY_ASSIGN_OR_RETURN(
      accounts_,
      keys::MakeAccounts(
          {.cas = settings_.cas,
           .keys_dir = settings_.keys_dir,
           .store = *store_,
           .clock = clock_,
           .random = random_,
           .new_http = [this](const keys::CaSettings& ca) { return NewHttpClient(ca); },
           .other_issuers = [this] { return tenure_ == nullptr ? 0 : tenure_->others(); }}));
  sealer_.emplace(settings_.deployment, std::move(settings_.seal.signer),
                  settings_.seal.certificate);
  seal_watch_.emplace(settings_.seal_files, *sealer_, timers_, clock_);
  NORROY_RETURN_IF_ERROR(ConnectValidators());
  withdrawal_ = flow::Withdrawal::Make({.authorizations = *authorizations_,
                                        .store = *store_,
                                        .accounts = *accounts_,
                                        .solver = *solver_,
                                        .clock = clock_});
  budget_.emplace(*ledger_, *store_, known_cas_);
  events_.SubscribeAll([this](const flow::Order& order) { metrics_.Note(order); });
  engine_ = flow::Engine::Make({.store = *store_,
                                .accounts = *accounts_,
                                .solver = *solver_,
                                .sealer = *sealer_,
                                .clock = clock_,
                                .random = random_,
                                .events = events_,
                                .authorizations = *authorizations_,
                                .limits = settings_.limits,
                                .owner = self_,
                                .workers = settings_.workers,
                                .grades = settings_.grades,
                                .proof_lease = settings_.proof_lease,
                                .left_authorizations = [this] { withdrawal_->Wake(); },
                                .tenure = tenure_.get(),
                                .budget = &*budget_});
  return absl::OkStatus();
}

void WholeIssuer::MakeKeepers() {
  const auto announce = [this](const flow::Order& order) {
    engine_->Wake(order.id);
    events_.Publish(order);
  };
  keeper_ = renewal::Keeper::Make({.renewals = *renewals_,
                                   .store = *store_,
                                   .accounts = *accounts_,
                                   .policy = *policy_,
                                   .clock = clock_,
                                   .random = random_,
                                   .announce = announce});
  warmer_ = renewal::Warmer::Make({.warm_names = *warm_names_,
                                   .store = *store_,
                                   .authorizations = *authorizations_,
                                   .accounts = *accounts_,
                                   .policy = *policy_,
                                   .clock = clock_,
                                   .random = random_,
                                   .announce = announce,
                                   .reuse = ReuseTimesOf(settings_.cas),
                                   .orders_per_hour = settings_.warm_orders_per_hour});
}

absl::Status WholeIssuer::MakeApi() {
  NORROY_ASSIGN_OR_RETURN(revocations_,
                          identity::Revocations::Open(settings_.core_root_file, clock_));
  const auto admit = [this](const rpc::Caller& caller) {
    return revocations_->Check(caller.certificate_serial, caller.identity.Uri());
  };
  env_.emplace(rpc::HandlerEnv{.pool = pool_,
                               .clock = clock_,
                               .deployment = settings_.deployment,
                               .admit = admit,
                               .refused = rpc::AuditRefusals(audit_->refusals()),
                               .limits = &callers_});
  api_ = service::Api::Make({.env = *env_,
                             .store = *store_,
                             .policies = *policies_,
                             .quotas = *quotas_,
                             .api_tokens = *api_tokens_,
                             .renewals = *renewals_,
                             .warm_names = *warm_names_,
                             .ledger = *ledger_,
                             .audit = *audit_,
                             .accounts = *accounts_,
                             .solver = *solver_,
                             .sealer = *sealer_,
                             .engine = *engine_,
                             .events = events_,
                             .keeper = *keeper_,
                             .warmer = *warmer_,
                             .policy = *policy_,
                             .timers = timers_,
                             .clock = clock_,
                             .random = random_,
                             .grants = settings_.grants,
                             .cas = known_cas_,
                             .version = version_,
                             .start_time = clock_.Now()});
  return absl::OkStatus();
}

absl::Status WholeIssuer::Serve() {
  registration_.emplace(
      keys::RegistrationOptions{.accounts = *accounts_, .cas = CasToRegister(settings_)});
  registration_->WaitForFirstTries(kFirstRegistration);
  if (!settings_.diagnostics.empty()) NORROY_RETURN_IF_ERROR(OpenDiagnostics());
  NORROY_ASSIGN_OR_RETURN(
      server_, rpc::Server::Start({.listen = settings_.listen,
                                   .tls = {settings_.identity_file, settings_.core_root_file},
                                   .services = api_->services(),
                                   .reflection = settings_.reflection,
                                   .max_streams = settings_.callers.each.calls_at_once,
                                   .metrics = call_metrics_.get()}));
  engine_->Start();
  withdrawal_->Start();
  keeper_->Start();
  warmer_->Start();
  if (settings_.sign_in.has_value()) NORROY_RETURN_IF_ERROR(OpenDoor());
  log::Info("main", "serving",
            {{"version", version_},
             {"identity", self_},
             {"ports", absl::StrJoin(server_->ports(), ",")}});
  return absl::OkStatus();
}

absl::Status WholeIssuer::OpenDoor() {
  NORROY_ASSIGN_OR_RETURN(
      door_, sign_in::Door::Start(
                 {.settings = *settings_.sign_in,
                  .tokens = *api_tokens_,
                  .clock = clock_,
                  .new_http = NewOidcClient,
                  .audit = [this](const audit::Entry& e) { return audit_->log().Append(e); },
                  .refused = [this](const audit::Entry& e) { audit_->refusals().Note(e); }}));
  log::Info("main", "sign-in door is open", {{"ports", absl::StrJoin(door_->ports(), ",")}});
  return absl::OkStatus();
}

absl::Status WholeIssuer::OpenDiagnostics() {
  call_metrics_ = std::make_unique<rpc::CallMetrics>(registry_, clock_);
  auto process = std::make_shared<metrics::ProcessMetrics>(registry_, version_, clock_.Now());
  NORROY_ASSIGN_OR_RETURN(diagnostics_,
                          diagnostics::Diagnostics::Start(
                              {.listen = settings_.diagnostics,
                               .registry = registry_,
                               .checks = {{"database", [this] { return inventory_->Check(); }}},
                               .sample =
                                   [this, process] {
                                     process->Sample();
                                     metrics_.Sample(*inventory_);
                                     metrics_.Sample(*ledger_, known_cas_);
                                   }},
                              clock_));
  log::Info("main", "diagnostics are served",
            {{"ports", absl::StrJoin(diagnostics_->ports(), ",")}});
  return absl::OkStatus();
}

void WholeIssuer::Stop(absl::Duration grace) {
  diagnostics_.reset();
  door_.reset();
  if (server_ != nullptr) std::exchange(server_, nullptr)->Stop(grace);
  registration_.reset();
  if (api_ != nullptr) api_->Stop();
  if (follower_.has_value()) follower_->Stop();
  if (warmer_ != nullptr) warmer_->Stop();
  if (keeper_ != nullptr) keeper_->Stop();
  if (withdrawal_ != nullptr) withdrawal_->Stop();
  if (engine_ != nullptr) engine_->Stop();
  if (audit_.has_value()) audit_->Stop();
  // All is given back.
  if (tenure_ != nullptr) tenure_->End();
  solver_.reset();
}

}  // namespace

sql::Schema Issuer::Schema() { return {"issuer", store::Store::Migrations()}; }

absl::StatusOr<std::unique_ptr<Issuer>> Issuer::Start(IssuerSettings settings,
                                                      const std::string& version, Clock& clock) {
  auto issuer = std::make_unique<WholeIssuer>(std::move(settings), version, clock);
  NORROY_RETURN_IF_ERROR(issuer->Build());
  return issuer;
}

}  // namespace norroy
