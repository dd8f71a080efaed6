#include "validator/settings.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/audit_config.h"
#include "common/config/config.h"
#include "common/daemon/database.h"
#include "common/daemon/settings.h"
#include "common/dns/resolver.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/rpc/callers_config.h"
#include "common/status_macros.h"
#include "norroy/config/v1/validator.pb.h"
#include "validator/edge_authority.h"

namespace norroy::validator {
namespace {

using config::v1::ValidatorConfig;

constexpr int kMaxListeners = 16;
constexpr int kMaxAgentAddresses = 3;
constexpr int kDefaultIdentityHours = 168;
constexpr int kMaxIdentityHours = 24 * 90;
constexpr int kMaxAllowNetworks = 100;

// Nobody can dial "every address of this machine".
bool IsWildcard(absl::string_view address) {
  return absl::StartsWith(address, "0.0.0.0:") || absl::StartsWith(address, "[::]:");
}

absl::StatusOr<std::vector<std::string>> ReadAgentAddresses(const ValidatorConfig& config) {
  if (!config.agent_addresses().empty()) {
    return daemon::ReadAddresses("agent_addresses",
                                 {config.agent_addresses().begin(), config.agent_addresses().end()},
                                 kMaxAgentAddresses, 1);
  }
  if (config.agent_listen_size() > kMaxAgentAddresses) {
    return daemon::BadConfig(absl::StrCat("agent_addresses is missing: of more than ",
                                          kMaxAgentAddresses,
                                          " agent_listen, say which agents dial"));
  }
  for (const std::string& address : config.agent_listen()) {
    if (!IsWildcard(address)) continue;
    return daemon::BadConfig(
        absl::StrCat("agent_addresses is missing: agent_listen says ", address,
                     ", which nobody can dial; say where agents find this machine"));
  }
  return std::vector<std::string>();
}

absl::StatusOr<absl::Duration> ReadIdentityLifetime(int hours) {
  if (hours == 0) hours = kDefaultIdentityHours;
  if (hours >= 1 && hours <= kMaxIdentityHours) return absl::Hours(hours);
  return daemon::BadConfig(absl::StrCat("agent_identity_hours is ", hours, "; it must be 1 to ",
                                        kMaxIdentityHours, ", or 0 for the default ",
                                        kDefaultIdentityHours));
}

absl::StatusOr<int> ReadPort(absl::string_view field, int port, int standard) {
  if (port == 0) return standard;
  if (port >= 1 && port <= 65535) return port;
  return daemon::BadConfig(absl::StrCat(
      field, " is ", port, "; it must be 1 to 65535, or 0 for the default ", standard));
}

absl::StatusOr<preflight::Ports> ReadPorts(const config::v1::PreflightPortsConfig& config) {
  preflight::Ports ports;
  NORROY_ASSIGN_OR_RETURN(ports.http,
                          ReadPort("preflight.http_port", config.http_port(), ports.http));
  NORROY_ASSIGN_OR_RETURN(ports.tls, ReadPort("preflight.tls_port", config.tls_port(), ports.tls));
  NORROY_ASSIGN_OR_RETURN(ports.dns, ReadPort("preflight.dns_port", config.dns_port(), ports.dns));
  return ports;
}

absl::StatusOr<std::vector<preflight::Network>> ReadNetworks(
    const config::v1::ValidatorDnsConfig& config) {
  if (config.allow_networks_size() > kMaxAllowNetworks) {
    return daemon::BadConfig(
        absl::StrCat("dns.allow_networks has over ", kMaxAllowNetworks, " entries"));
  }
  std::vector<preflight::Network> networks;
  for (const std::string& text : config.allow_networks()) {
    absl::StatusOr<preflight::Network> network = preflight::Network::Parse(text);
    if (!network.ok()) {
      return daemon::BadConfig(
          absl::StrCat("dns.allow_networks[", networks.size(), "]: ", network.status().message()));
    }
    networks.push_back(*std::move(network));
  }
  return networks;
}

absl::StatusOr<preflight::PreflightOptions> ReadPreflight(const ValidatorConfig& config) {
  preflight::PreflightOptions options;
  auto resolvers =
      dns::ResolversFrom({config.dns().resolvers().begin(), config.dns().resolvers().end()});
  if (resolvers.ok()) {
    options.resolvers = *std::move(resolvers);
  } else if (!config.dns().resolvers().empty()) {
    return WithContext(resolvers.status(), "dns.resolvers");
  }
  // A host without /etc/resolv.conf serves presentations all the same: looks say what is missing.
  NORROY_ASSIGN_OR_RETURN(options.allow_networks, ReadNetworks(config.dns()));
  NORROY_ASSIGN_OR_RETURN(options.ports, ReadPorts(config.preflight()));
  return options;
}

absl::StatusOr<Settings> ReadSettings(const ValidatorConfig& config, const std::string& path,
                                      absl::Time now) {
  NORROY_RETURN_IF_ERROR(identity::CheckDeployment(config.deployment()));
  NORROY_ASSIGN_OR_RETURN(
      auto listen, daemon::ReadAddresses("listen", {config.listen().begin(), config.listen().end()},
                                         kMaxListeners, 0));
  NORROY_ASSIGN_OR_RETURN(auto agent_listen, daemon::ReadAddresses("agent_listen",
                                                                   {config.agent_listen().begin(),
                                                                    config.agent_listen().end()},
                                                                   kMaxListeners, 0));
  NORROY_ASSIGN_OR_RETURN(auto agent_addresses, ReadAgentAddresses(config));
  NORROY_ASSIGN_OR_RETURN(
      std::string identity_file,
      daemon::ReadPath("identity.identity_file", path, config.identity().identity_file()));
  NORROY_ASSIGN_OR_RETURN(
      std::string core_root_file,
      daemon::ReadPath("identity.core_root_file", path, config.identity().core_root_file()));
  NORROY_ASSIGN_OR_RETURN(std::string edge_root_file,
                          daemon::ReadPath("edge_root_file", path, config.edge_root_file()));
  NORROY_ASSIGN_OR_RETURN(std::string edge_ca_file,
                          daemon::ReadPath("edge_ca_file", path, config.edge_ca_file()));
  NORROY_ASSIGN_OR_RETURN(std::string database,
                          daemon::ReadDatabase("database", path, config.database()));
  NORROY_ASSIGN_OR_RETURN(const absl::Duration lifetime,
                          ReadIdentityLifetime(config.agent_identity_hours()));
  NORROY_ASSIGN_OR_RETURN(
      std::string name, CheckIdentityFile(identity_file, core_root_file, config.deployment(), now));
  NORROY_ASSIGN_OR_RETURN(identity::Authority edge, ReadEdgeAuthority(edge_ca_file, edge_root_file,
                                                                      config.deployment(), now));
  NORROY_ASSIGN_OR_RETURN(preflight::PreflightOptions preflight, ReadPreflight(config));
  preflight.viewpoint = name;
  NORROY_ASSIGN_OR_RETURN(const rpc::CallerLimitsOptions callers,
                          rpc::ReadCallers(config.callers()));
  NORROY_ASSIGN_OR_RETURN(const absl::Duration checkpoint_every,
                          audit::ReadCheckpointEvery(config.audit()));
  NORROY_ASSIGN_OR_RETURN(std::vector<std::string> diagnostics,
                          daemon::ReadDiagnostics(config.diagnostics()));
  return Settings{
      .deployment = config.deployment(),
      .name = std::move(name),
      .listen = std::move(listen),
      .agent_listen = std::move(agent_listen),
      .agent_addresses = std::move(agent_addresses),
      .identity_file = std::move(identity_file),
      .core_root_file = std::move(core_root_file),
      .edge_root_file = std::move(edge_root_file),
      .edge_ca_file = std::move(edge_ca_file),
      .edge = std::move(edge),
      .database = std::move(database),
      .log_level = daemon::LevelOf(config.log()),
      .log_format = daemon::FormatOf(config.log()),
      .reflection = config.reflection(),
      .agent_identity_lifetime = lifetime,
      .preflight = std::move(preflight),
      .callers = callers,
      .checkpoint_every = checkpoint_every,
      .diagnostics = std::move(diagnostics),
  };
}

}  // namespace

absl::StatusOr<std::string> CheckIdentityFile(const std::string& identity_file,
                                              const std::string& core_root_file,
                                              const std::string& deployment, absl::Time now) {
  return daemon::ReadNameOf(types::v1::ROLE_VALIDATOR, identity_file, core_root_file, deployment,
                            now);
}

absl::StatusOr<Settings> LoadSettings(const std::string& path, absl::Time now) {
  ValidatorConfig config;
  NORROY_RETURN_IF_ERROR(config::LoadYaml(path, config));
  absl::StatusOr<Settings> settings = ReadSettings(config, path, now);
  if (!settings.ok()) return WithContext(settings.status(), path);
  return settings;
}

}  // namespace norroy::validator
