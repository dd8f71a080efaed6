// norroy-validator: routes sealed proofs to agents, knows who serves what, and looks at proofs as
// the CA will. Holds the fleet and an edge intermediate; cannot reach the CA, make a proof or order
// a certificate.

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/audit/keeper.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/daemon/database.h"
#include "common/daemon/server_main.h"
#include "common/rpc/credentials.h"
#include "common/sql/schema.h"
#include "common/status_macros.h"
#include "validator/edge_authority.h"
#include "validator/service/servers.h"
#include "validator/settings.h"
#include "validator/store/store.h"

namespace norroy::validator {
namespace {

constexpr char kVersion[] = "norroy-validator 0.1.0";
constexpr absl::Duration kStopGrace = absl::Seconds(3);

sql::Schema Schema() { return {"validator", Store::Migrations()}; }

absl::Status Run(Settings settings, Clock& clock) {
  crypto::SystemRandom random;
  ThreadTimers timers;
  const std::string self = absl::StrCat("validator/", settings.name);
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<daemon::OwnDatabase> database,
                          daemon::OwnDatabase::Open(settings.database, Schema(), self));
  const std::unique_ptr<Store> store = Store::Make(**database, self);
  audit::Keeper audit({.database = **database,
                       .clock = clock,
                       .deployment = settings.deployment,
                       .writer = self,
                       .identity_file = settings.identity_file},
                      timers, settings.checkpoint_every);
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<EdgeAuthority> edge,
                          EdgeAuthority::Open(settings.edge_ca_file, settings.edge_root_file,
                                              settings.deployment, clock));
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
                      .preflight = settings.preflight,
                      .callers = settings.callers,
                      .audit = &audit,
                      .among_others = database->shared(),
                      .diagnostics = settings.diagnostics,
                      .current_edge = [&edge] { return edge->Get(); }}));
  if (settings.preflight.resolvers.empty()) {
    log::Warning(
        "main", "no DNS resolver: names cannot be looked at before the CA does; see dns.resolvers");
  }
  log::Info("main", "serving",
            {{"version", kVersion},
             {"identity", self},
             {"ports", absl::StrJoin(servers->ports(), ",")},
             {"agent_ports", absl::StrJoin(servers->agent_ports(), ",")},
             {"diagnostics_ports", absl::StrJoin(servers->diagnostics_ports(), ",")}});

  daemon::WaitForSignals([&] {
    daemon::LogIdentity(CheckIdentityFile(settings.identity_file, settings.core_root_file,
                                          settings.deployment, clock.Now())
                            .status());
  });

  log::Info("main", "stopping");
  servers->Stop(kStopGrace);
  audit.Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace norroy::validator

int main(int argc, char** argv) {
  return norroy::daemon::ServerMain<norroy::validator::Settings>(
      argc, argv,
      {.name = "norroy-validator",
       .version = norroy::validator::kVersion,
       .prepare = norroy::rpc::DisableTlsResumption,
       .load = norroy::validator::LoadSettings,
       .schema = norroy::validator::Schema,
       .run = norroy::validator::Run});
}
