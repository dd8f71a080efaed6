// norroy-issuer: creates orders at CAs, seals proofs, finalizes CSRs. Holds account keys and the
// seal key; never a subscriber's private key.

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/daemon/daemon.h"
#include "common/http/curl_client.h"
#include "common/log/log.h"
#include "common/rpc/credentials.h"
#include "common/rpc/handler.h"
#include "common/rpc/server.h"
#include "common/sql/database.h"
#include "common/status_macros.h"
#include "common/sync/thread_pool.h"
#include "issuer/flow/engine.h"
#include "issuer/flow/events.h"
#include "issuer/keys/accounts.h"
#include "issuer/keys/registration.h"
#include "issuer/service/account_admin.h"
#include "issuer/service/account_service.h"
#include "issuer/service/certificate_service.h"
#include "issuer/service/certificates.h"
#include "issuer/service/doctor.h"
#include "issuer/service/doctor_service.h"
#include "issuer/service/order_service.h"
#include "issuer/service/orders.h"
#include "issuer/service/server_info_service.h"
#include "issuer/settings.h"
#include "issuer/solver/grpc_validator_link.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/validator_solver.h"
#include "issuer/store/store.h"

namespace norroy {
namespace {

constexpr char kVersion[] = "norroy-issuer 0.1.0";
constexpr char kUserAgent[] = "norroy/0.1.0";

constexpr int kHandlerThreads = 32;
constexpr int kMaxWaitingCalls = 1024;
constexpr absl::Duration kStopGrace = absl::Seconds(3);
// At the first start only: an order that comes at once should find its account.
constexpr absl::Duration kFirstRegistration = absl::Seconds(5);

absl::StatusOr<std::unique_ptr<http::Client>> NewHttpClient(const keys::CaSettings& ca) {
  http::CurlOptions options = ca.http;
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

absl::StatusOr<std::unique_ptr<solver::Solver>> ConnectValidators(const IssuerSettings& settings,
                                                                  Timers& timers, Clock& clock) {
  NORROY_ASSIGN_OR_RETURN(const auto credentials,
                          rpc::ClientCredentials({settings.identity_file, settings.core_root_file},
                                                 settings.deployment, types::v1::ROLE_VALIDATOR));
  solver::ValidatorSolverOptions options{.validators = {}, .timers = timers, .clock = clock};
  for (const std::string& address : settings.validators) {
    options.validators.push_back(
        solver::NewGrpcValidatorLink(address, rpc::NewChannel(address, credentials)));
  }
  return solver::MakeValidatorSolver(std::move(options));
}

void CheckIdentityAgain(const IssuerSettings& settings, Clock& clock) {
  const absl::Status status = CheckIdentityFile(settings.identity_file, settings.core_root_file,
                                                settings.deployment, clock.Now())
                                  .status();
  if (status.ok()) {
    log::Info("main", "identity file is fine; it is picked up by itself");
  } else {
    log::Error("main", "identity file is not usable", {{"error", status.message()}});
  }
}

absl::Status Run(IssuerSettings settings, SystemClock& clock) {
  const absl::Time start_time = clock.Now();
  crypto::SystemRandom random;
  ThreadTimers timers;

  NORROY_RETURN_IF_ERROR(daemon::TakeForThisProcess(settings.database));
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Database> database,
                          sql::OpenSqlite(settings.database));
  NORROY_RETURN_IF_ERROR(sql::Migrate(*database, store::Store::Migrations()));
  const std::string self = absl::StrCat("issuer/", settings.name);
  const std::unique_ptr<store::Store> store = store::Store::Make(*database, self);

  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<keys::Accounts> accounts,
                          keys::MakeAccounts({.cas = settings.cas,
                                              .keys_dir = settings.keys_dir,
                                              .store = *store,
                                              .clock = clock,
                                              .random = random,
                                              .new_http = NewHttpClient}));
  solver::Sealer sealer(settings.deployment, std::move(settings.seal.signer),
                        settings.seal.certificate);
  NORROY_ASSIGN_OR_RETURN(std::unique_ptr<solver::Solver> solver,
                          ConnectValidators(settings, timers, clock));
  flow::Events events;
  const std::unique_ptr<flow::Engine> engine = flow::Engine::Make({.store = *store,
                                                                   .accounts = *accounts,
                                                                   .solver = *solver,
                                                                   .sealer = sealer,
                                                                   .clock = clock,
                                                                   .random = random,
                                                                   .events = events,
                                                                   .limits = settings.limits,
                                                                   .owner = self,
                                                                   .workers = settings.workers,
                                                                   .grades = settings.grades});

  ThreadPool pool(kHandlerThreads, kMaxWaitingCalls);
  const rpc::HandlerEnv env{pool, clock, settings.deployment, nullptr};
  service::Orders orders(
      {*store, *settings.policy, *solver, *accounts, *engine, events, clock, random});
  service::Certificates certificates(*store, *accounts, clock);
  service::AccountAdmin account_admin(*store, *accounts, clock);
  service::Doctor doctor(
      {*store, *settings.policy, *solver, sealer, *accounts, timers, clock, random});
  service::OrderService order_service(env, orders);
  service::CertificateService certificate_service(env, certificates);
  service::AccountService account_service(env, account_admin);
  service::DoctorService doctor_service(env, doctor);
  service::ServerInfoService info_service(env, {kVersion, rpc::TlsLibraryVersion(), start_time});

  auto registration = std::make_unique<keys::Registration>(
      keys::RegistrationOptions{.accounts = *accounts, .cas = CasToRegister(settings)});
  registration->WaitForFirstTries(kFirstRegistration);

  NORROY_ASSIGN_OR_RETURN(
      const std::unique_ptr<rpc::Server> server,
      rpc::Server::Start({.listen = settings.listen,
                          .tls = {settings.identity_file, settings.core_root_file},
                          .services = {&order_service, &certificate_service, &account_service,
                                       &doctor_service, &info_service},
                          .reflection = settings.reflection}));
  engine->Start();
  log::Info(
      "main", "serving",
      {{"version", kVersion}, {"identity", self}, {"ports", absl::StrJoin(server->ports(), ",")}});

  daemon::WaitForSignals([&] { CheckIdentityAgain(settings, clock); });

  log::Info("main", "stopping");
  server->Stop(kStopGrace);
  registration.reset();
  doctor.Stop();
  engine->Stop();
  // The solver calls the engine: it ends first.
  solver.reset();
  return absl::OkStatus();
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "norroy-issuer: %s\n", std::string(status.message()).c_str());
  return code;
}

int Main(int argc, char** argv) {
  daemon::BlockSignals();
  const absl::StatusOr<daemon::Flags> flags = daemon::ParseFlags(argc, argv);
  if (!flags.ok()) return Fail(flags.status(), daemon::kExitBadConfig);
  if (flags->help) {
    std::fputs(daemon::Usage("norroy-issuer").c_str(), stdout);
    return daemon::kExitOk;
  }
  if (flags->version) {
    std::puts(kVersion);
    return daemon::kExitOk;
  }
  const absl::Status hardened = daemon::Harden();
  if (!hardened.ok()) return Fail(hardened, daemon::kExitFailed);
  rpc::DisableTlsResumption();

  SystemClock clock;
  absl::StatusOr<IssuerSettings> settings = LoadIssuerSettings(flags->config, clock.Now());
  if (!settings.ok()) return Fail(settings.status(), daemon::kExitBadConfig);
  if (flags->check) {
    std::printf("%s: fine\n", flags->config.c_str());
    return daemon::kExitOk;
  }
  log::Configure(settings->log_level, settings->log_format);
  const absl::Status ended = Run(*std::move(settings), clock);
  if (!ended.ok()) {
    log::Error("main", "cannot run", {{"error", ended.message()}});
    return daemon::kExitFailed;
  }
  return daemon::kExitOk;
}

}  // namespace
}  // namespace norroy

int main(int argc, char** argv) { return norroy::Main(argc, argv); }
