// norroy-validator: routes sealed proofs to agents, knows who serves what, and looks at proofs as
// the CA will. Holds the fleet and an edge intermediate; cannot reach the CA, make a proof or order
// a certificate.

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/daemon/daemon.h"
#include "common/log/log.h"
#include "common/rpc/credentials.h"
#include "common/sql/database.h"
#include "common/status_macros.h"
#include "validator/service/servers.h"
#include "validator/settings.h"
#include "validator/store/store.h"

namespace norroy::validator {
namespace {

constexpr char kVersion[] = "norroy-validator 0.1.0";
constexpr absl::Duration kStopGrace = absl::Seconds(3);

void CheckIdentityAgain(const Settings& settings, Clock& clock) {
  const absl::Status status = CheckIdentityFile(settings.identity_file, settings.core_root_file,
                                                settings.deployment, clock.Now())
                                  .status();
  if (status.ok()) {
    log::Info("main", "identity file is fine; it is picked up by itself");
  } else {
    log::Error("main", "identity file is not usable", {{"error", status.message()}});
  }
}

absl::Status Run(const Settings& settings, SystemClock& clock) {
  crypto::SystemRandom random;
  ThreadTimers timers;
  NORROY_RETURN_IF_ERROR(daemon::TakeForThisProcess(settings.database));
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Database> database,
                          sql::OpenSqlite(settings.database));
  NORROY_RETURN_IF_ERROR(sql::Migrate(*database, Store::Migrations()));
  const std::unique_ptr<Store> store = Store::Make(*database);
  NORROY_ASSIGN_OR_RETURN(
      const std::unique_ptr<Servers> servers,
      Servers::Start({.store = *store,
                      .clock = clock,
                      .timers = timers,
                      .random = random,
                      .version = kVersion,
                      .deployment = settings.deployment,
                      .listen = settings.listen,
                      .agent_listen = settings.agent_listen,
                      .agent_addresses = settings.agent_addresses,
                      .core_tls = {settings.identity_file, settings.core_root_file},
                      .edge_tls = {settings.identity_file, settings.edge_root_file},
                      .edge = settings.edge,
                      .agent_identity_lifetime = settings.agent_identity_lifetime,
                      .reflection = settings.reflection,
                      .preflight = settings.preflight}));
  if (settings.preflight.resolvers.empty()) {
    log::Warning(
        "main", "no DNS resolver: names cannot be looked at before the CA does; see dns.resolvers");
  }
  log::Info("main", "serving",
            {{"version", kVersion},
             {"identity", absl::StrCat("validator/", settings.name)},
             {"ports", absl::StrJoin(servers->ports(), ",")},
             {"agent_ports", absl::StrJoin(servers->agent_ports(), ",")}});

  daemon::WaitForSignals([&] { CheckIdentityAgain(settings, clock); });

  log::Info("main", "stopping");
  servers->Stop(kStopGrace);
  return absl::OkStatus();
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "norroy-validator: %s\n", std::string(status.message()).c_str());
  return code;
}

int Main(int argc, char** argv) {
  daemon::BlockSignals();
  const absl::StatusOr<daemon::Flags> flags = daemon::ParseFlags(argc, argv);
  if (!flags.ok()) return Fail(flags.status(), daemon::kExitBadConfig);
  if (flags->help) {
    std::fputs(daemon::Usage("norroy-validator").c_str(), stdout);
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
  const absl::StatusOr<Settings> settings = LoadSettings(flags->config, clock.Now());
  if (!settings.ok()) return Fail(settings.status(), daemon::kExitBadConfig);
  if (flags->check) {
    std::printf("%s: fine\n", flags->config.c_str());
    return daemon::kExitOk;
  }
  log::Configure(settings->log_level, settings->log_format);
  const absl::Status ended = Run(*settings, clock);
  if (!ended.ok()) {
    log::Error("main", "cannot run", {{"error", ended.message()}});
    return daemon::kExitFailed;
  }
  return daemon::kExitOk;
}

}  // namespace
}  // namespace norroy::validator

int main(int argc, char** argv) { return norroy::validator::Main(argc, argv); }
