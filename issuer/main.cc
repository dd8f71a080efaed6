// norroy-issuer: creates orders at CAs, seals proofs, finalizes CSRs. Holds account keys and the
// seal key; never a subscriber's private key.

#include <memory>
#include <utility>

#include "common/daemon/server_main.h"
#include "common/rpc/credentials.h"
#include "issuer/issuer.h"
#include "issuer/settings.h"

namespace norroy {
namespace {

constexpr char kVersion[] = "norroy-issuer 0.1.0";
constexpr absl::Duration kStopGrace = absl::Seconds(3);

absl::Status Run(IssuerSettings settings, Clock& clock) {
  const std::string identity_file = settings.identity_file;
  const std::string core_root_file = settings.core_root_file;
  const std::string deployment = settings.deployment;
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<Issuer> issuer,
                          Issuer::Start(std::move(settings), kVersion, clock));
  daemon::WaitForSignals([&] {
    daemon::LogIdentity(
        CheckIdentityFile(identity_file, core_root_file, deployment, clock.Now()).status());
  });
  log::Info("main", "stopping");
  issuer->Stop(kStopGrace);
  return absl::OkStatus();
}

}  // namespace
}  // namespace norroy

int main(int argc, char** argv) {
  return norroy::daemon::ServerMain<norroy::IssuerSettings>(
      argc, argv,
      {.name = "norroy-issuer",
       .version = norroy::kVersion,
       .prepare = norroy::rpc::DisableTlsResumption,
       .load = norroy::LoadIssuerSettings,
       .schema = norroy::Issuer::Schema,
       .run = norroy::Run});
}
