#include "issuer/issuer.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/audit/keeper.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/daemon/database.h"
#include "common/http/curl_client.h"
#include "common/identity/revocations.h"
#include "common/log/log.h"
#include "common/rpc/audit_service.h"
#include "common/rpc/caller_limits.h"
#include "common/rpc/credentials.h"
#include "common/rpc/handler.h"
#include "common/rpc/server.h"
#include "common/sql/database.h"
#include "common/status_macros.h"
#include "common/sync/thread_pool.h"
#include "issuer/flow/engine.h"
#include "issuer/flow/events.h"
#include "issuer/flow/withdrawal.h"
#include "issuer/keys/accounts.h"
#include "issuer/keys/registration.h"
#include "issuer/seal_watch.h"
#include "issuer/service/api.h"
#include "issuer/sign_in/door.h"
#include "issuer/solver/grpc_validator_link.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/validator_solver.h"
#include "issuer/store/api_tokens.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/policies.h"
#include "issuer/store/quota.h"
#include "issuer/store/store.h"

namespace norroy {
namespace {

constexpr char kUserAgent[] = "norroy/0.1.0";
constexpr int kHandlerThreads = 32;
constexpr int kMaxWaitingCalls = 1024;
// At the first start only: an order that comes at once should find its account.
constexpr absl::Duration kFirstRegistration = absl::Seconds(5);

absl::StatusOr<std::unique_ptr<http::Client>> NewHttpClient(const keys::CaSettings& ca) {
  http::CurlOptions options = ca.http;
  options.user_agent = kUserAgent;
  return http::NewCurlClient(options);
}

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
        self_(absl::StrCat("issuer/", settings_.name)),
        version_(std::move(version)),
        clock_(clock),
        callers_(clock, LimitsOf(settings_)),
        pool_(kHandlerThreads, kMaxWaitingCalls) {}
  ~WholeIssuer() override { Stop(absl::ZeroDuration()); }

  absl::Status Build() {
    NORROY_RETURN_IF_ERROR(OpenStores());
    NORROY_RETURN_IF_ERROR(MakeFlow());
    NORROY_RETURN_IF_ERROR(MakeApi());
    return Serve();
  }

  const std::vector<int>& ports() const override { return server_->ports(); }
  void Stop(absl::Duration grace) override;

 private:
  absl::Status OpenStores();
  absl::Status ConnectValidators();
  absl::Status MakeFlow();
  absl::Status MakeApi();
  absl::Status Serve();
  absl::Status OpenDoor();

  IssuerSettings settings_;
  const std::string self_;
  const std::string version_;
  Clock& clock_;
  crypto::SystemRandom random_;
  ThreadTimers timers_;

  std::unique_ptr<daemon::OwnDatabase> database_;
  std::unique_ptr<store::Store> store_;
  std::optional<store::Authorizations> authorizations_;
  std::optional<store::Policies> policies_;
  std::optional<store::Quotas> quotas_;
  std::optional<store::ApiTokens> api_tokens_;
  std::optional<audit::Keeper> audit_;

  std::unique_ptr<keys::Accounts> accounts_;
  std::optional<solver::Sealer> sealer_;
  std::optional<SealWatch> seal_watch_;
  flow::Events events_;
  std::unique_ptr<flow::Withdrawal> withdrawal_;
  std::unique_ptr<flow::Engine> engine_;
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
};

absl::Status WholeIssuer::OpenStores() {
  NORROY_ASSIGN_OR_RETURN(database_,
                          daemon::OwnDatabase::Open({.database = settings_.database,
                                                     .process = self_,
                                                     .migrations = store::Store::Migrations()}));
  sql::Database& database = **database_;
  store_ = store::Store::Make(database, self_);
  authorizations_.emplace(database, self_);
  policies_.emplace(database, self_);
  quotas_.emplace(database);
  api_tokens_.emplace(database, self_);
  audit_.emplace(audit::LogOptions{.database = database,
                                   .clock = clock_,
                                   .deployment = settings_.deployment,
                                   .writer = self_,
                                   .identity_file = settings_.identity_file},
                 timers_, settings_.checkpoint_every);
  return absl::OkStatus();
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
  NORROY_ASSIGN_OR_RETURN(accounts_, keys::MakeAccounts({.cas = settings_.cas,
                                                         .keys_dir = settings_.keys_dir,
                                                         .store = *store_,
                                                         .clock = clock_,
                                                         .random = random_,
                                                         .new_http = NewHttpClient}));
  sealer_.emplace(settings_.deployment, std::move(settings_.seal.signer),
                  settings_.seal.certificate);
  seal_watch_.emplace(settings_.seal_files, *sealer_, timers_, clock_);
  NORROY_RETURN_IF_ERROR(ConnectValidators());
  withdrawal_ = flow::Withdrawal::Make({.authorizations = *authorizations_,
                                        .store = *store_,
                                        .accounts = *accounts_,
                                        .solver = *solver_,
                                        .clock = clock_});
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
                                .left_authorizations = [this] { withdrawal_->Wake(); }});
  return absl::OkStatus();
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
                             .audit = *audit_,
                             .accounts = *accounts_,
                             .solver = *solver_,
                             .sealer = *sealer_,
                             .engine = *engine_,
                             .events = events_,
                             .timers = timers_,
                             .clock = clock_,
                             .random = random_,
                             .grants = settings_.grants,
                             .version = version_,
                             .start_time = clock_.Now()});
  return absl::OkStatus();
}

absl::Status WholeIssuer::Serve() {
  registration_.emplace(
      keys::RegistrationOptions{.accounts = *accounts_, .cas = CasToRegister(settings_)});
  registration_->WaitForFirstTries(kFirstRegistration);
  NORROY_ASSIGN_OR_RETURN(
      server_, rpc::Server::Start({.listen = settings_.listen,
                                   .tls = {settings_.identity_file, settings_.core_root_file},
                                   .services = api_->services(),
                                   .reflection = settings_.reflection,
                                   .max_streams = settings_.callers.each.calls_at_once}));
  engine_->Start();
  withdrawal_->Start();
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

void WholeIssuer::Stop(absl::Duration grace) {
  door_.reset();
  if (server_ != nullptr) std::exchange(server_, nullptr)->Stop(grace);
  registration_.reset();
  if (api_ != nullptr) api_->Stop();
  if (withdrawal_ != nullptr) withdrawal_->Stop();
  if (engine_ != nullptr) engine_->Stop();
  if (audit_.has_value()) audit_->Stop();
  solver_.reset();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Issuer>> Issuer::Start(IssuerSettings settings,
                                                      const std::string& version, Clock& clock) {
  auto issuer = std::make_unique<WholeIssuer>(std::move(settings), version, clock);
  NORROY_RETURN_IF_ERROR(issuer->Build());
  return issuer;
}

}  // namespace norroy
