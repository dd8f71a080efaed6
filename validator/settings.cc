#include "validator/settings.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/verifying.h"
#include "common/status_macros.h"
#include "norroy/config/v1/validator.pb.h"

namespace norroy::validator {
namespace {

using config::v1::ValidatorConfig;

constexpr int kMaxListeners = 16;
constexpr int kMaxAgentAddresses = 3;
constexpr int kDefaultIdentityHours = 168;
constexpr int kMaxIdentityHours = 24 * 90;
constexpr size_t kMaxAddress = 260;
constexpr size_t kMaxRootFile = 64 * 1024;

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

// "host:port", "[::1]:7443".
bool IsHostPort(absl::string_view text, int min_port) {
  const size_t colon = text.rfind(':');
  int port = 0;
  return colon != absl::string_view::npos && colon > 0 && text.size() <= kMaxAddress &&
         absl::SimpleAtoi(text.substr(colon + 1), &port) && port >= min_port && port <= 65535 &&
         Printable(text) == text && !absl::StrContains(text, " ");
}

// Nobody can dial "every address of this machine".
bool IsWildcard(absl::string_view address) {
  return absl::StartsWith(address, "0.0.0.0:") || absl::StartsWith(address, "[::]:");
}

template <typename Texts>
absl::StatusOr<std::vector<std::string>> ReadAddresses(absl::string_view field, const Texts& texts,
                                                       int max, int min_port) {
  if (texts.empty() || texts.size() > max) {
    return BadConfig(absl::StrCat(field, " must have 1 to ", max, " entries of \"host:port\""));
  }
  for (int i = 0; i < texts.size(); ++i) {
    if (IsHostPort(texts[i], min_port)) continue;
    return BadConfig(
        absl::StrCat(field, "[", i, "]: \"", Printable(texts[i]), "\" is not \"host:port\""));
  }
  return std::vector<std::string>(texts.begin(), texts.end());
}

absl::StatusOr<std::vector<std::string>> ReadAgentAddresses(const ValidatorConfig& config) {
  if (!config.agent_addresses().empty()) {
    return ReadAddresses("agent_addresses", config.agent_addresses(), kMaxAgentAddresses, 1);
  }
  if (config.agent_listen_size() > kMaxAgentAddresses) {
    return BadConfig(absl::StrCat("agent_addresses is missing: of more than ", kMaxAgentAddresses,
                                  " agent_listen, say which agents dial"));
  }
  for (const std::string& address : config.agent_listen()) {
    if (!IsWildcard(address)) continue;
    return BadConfig(absl::StrCat("agent_addresses is missing: agent_listen says ", address,
                                  ", which nobody can dial; say where agents find this machine"));
  }
  return std::vector<std::string>();
}

absl::StatusOr<std::string> ReadPath(absl::string_view field, const std::string& config_path,
                                     const std::string& path) {
  if (path.empty()) return BadConfig(absl::StrCat(field, " is missing"));
  return config::ResolvePath(config_path, path);
}

absl::StatusOr<crypto::Certificate> ReadRoot(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const std::string pem, identity::ReadFile(path, kMaxRootFile));
  absl::StatusOr<crypto::Certificate> root = crypto::Certificate::ParsePem(pem);
  if (!root.ok()) return WithContext(root.status(), path);
  return root;
}

// Our intermediate: of this deployment's edge, signed by the edge root, not expired.
absl::StatusOr<identity::Authority> ReadEdgeAuthority(const std::string& path,
                                                      const std::string& edge_root_file,
                                                      const std::string& deployment,
                                                      absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root, ReadRoot(edge_root_file));
  NORROY_ASSIGN_OR_RETURN(identity::IdentityFile file, identity::ReadIdentityFile(path));
  crypto::Certificate& certificate = file.chain.front();
  const auto domain = identity::TrustDomain::OfAuthority(certificate);
  if (!domain.ok()) return WithContext(domain.status(), path);
  const identity::TrustDomain needed = {"edge", deployment};
  if (*domain != needed) {
    return BadConfig(absl::StrCat(path, " is an authority of ", domain->Host(), "; one of ",
                                  needed.Host(), " is needed"));
  }
  if (!certificate.IsSignedBy(root)) {
    return BadConfig(absl::StrCat(path, " does not lead to the root in ", edge_root_file));
  }
  if (certificate.not_after() <= now) {
    return BadConfig(absl::StrCat(path, " expired at ",
                                  absl::FormatTime(certificate.not_after(), absl::UTCTimeZone()),
                                  ": renew it with `norroy identity renew`"));
  }
  return identity::Authority{std::move(file.key), std::move(certificate)};
}

absl::StatusOr<absl::Duration> ReadIdentityLifetime(int hours) {
  if (hours == 0) hours = kDefaultIdentityHours;
  if (hours >= 1 && hours <= kMaxIdentityHours) return absl::Hours(hours);
  return BadConfig(absl::StrCat("agent_identity_hours is ", hours, "; it must be 1 to ",
                                kMaxIdentityHours, ", or 0 for the default ",
                                kDefaultIdentityHours));
}

log::Level LevelOf(config::v1::LogLevel level) {
  switch (level) {
    case config::v1::LOG_LEVEL_DEBUG:
      return log::Level::kDebug;
    case config::v1::LOG_LEVEL_WARNING:
      return log::Level::kWarning;
    case config::v1::LOG_LEVEL_ERROR:
      return log::Level::kError;
    default:
      return log::Level::kInfo;
  }
}

absl::StatusOr<Settings> ReadSettings(const ValidatorConfig& config, const std::string& path,
                                      absl::Time now) {
  NORROY_RETURN_IF_ERROR(identity::CheckDeployment(config.deployment()));
  NORROY_ASSIGN_OR_RETURN(auto listen, ReadAddresses("listen", config.listen(), kMaxListeners, 0));
  NORROY_ASSIGN_OR_RETURN(auto agent_listen,
                          ReadAddresses("agent_listen", config.agent_listen(), kMaxListeners, 0));
  NORROY_ASSIGN_OR_RETURN(auto agent_addresses, ReadAgentAddresses(config));
  NORROY_ASSIGN_OR_RETURN(std::string identity_file, ReadPath("identity.identity_file", path,
                                                              config.identity().identity_file()));
  NORROY_ASSIGN_OR_RETURN(std::string core_root_file, ReadPath("identity.core_root_file", path,
                                                               config.identity().core_root_file()));
  NORROY_ASSIGN_OR_RETURN(std::string edge_root_file,
                          ReadPath("edge_root_file", path, config.edge_root_file()));
  NORROY_ASSIGN_OR_RETURN(const std::string edge_ca_file,
                          ReadPath("edge_ca_file", path, config.edge_ca_file()));
  NORROY_ASSIGN_OR_RETURN(std::string database, ReadPath("database", path, config.database()));
  NORROY_ASSIGN_OR_RETURN(const absl::Duration lifetime,
                          ReadIdentityLifetime(config.agent_identity_hours()));
  NORROY_ASSIGN_OR_RETURN(
      std::string name, CheckIdentityFile(identity_file, core_root_file, config.deployment(), now));
  NORROY_ASSIGN_OR_RETURN(identity::Authority edge, ReadEdgeAuthority(edge_ca_file, edge_root_file,
                                                                      config.deployment(), now));
  return Settings{
      .deployment = config.deployment(),
      .name = std::move(name),
      .listen = std::move(listen),
      .agent_listen = std::move(agent_listen),
      .agent_addresses = std::move(agent_addresses),
      .identity_file = std::move(identity_file),
      .core_root_file = std::move(core_root_file),
      .edge_root_file = std::move(edge_root_file),
      .edge = std::move(edge),
      .database = std::move(database),
      .log_level = LevelOf(config.log().level()),
      .log_format = config.log().format() == config::v1::LOG_FORMAT_JSON ? log::Format::kJson
                                                                         : log::Format::kText,
      .reflection = config.reflection(),
      .agent_identity_lifetime = lifetime,
  };
}

}  // namespace

absl::StatusOr<std::string> CheckIdentityFile(const std::string& identity_file,
                                              const std::string& core_root_file,
                                              const std::string& deployment, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root, ReadRoot(core_root_file));
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile file,
                          identity::ReadIdentityFile(identity_file));
  const auto identity = identity::VerifyIdentity(file.chain, root, deployment, now);
  if (!identity.ok()) return WithContext(identity.status(), identity_file);
  if (identity->role == types::v1::ROLE_VALIDATOR) return identity->name;
  return BadConfig(absl::StrCat(identity_file, " is the identity of ", identity->Principal(),
                                "; one of role validator is needed"));
}

absl::StatusOr<Settings> LoadSettings(const std::string& path, absl::Time now) {
  ValidatorConfig config;
  NORROY_RETURN_IF_ERROR(config::LoadYaml(path, config));
  absl::StatusOr<Settings> settings = ReadSettings(config, path, now);
  if (!settings.ok()) return WithContext(settings.status(), path);
  return settings;
}

}  // namespace norroy::validator
