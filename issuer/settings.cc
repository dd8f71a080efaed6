#include "issuer/settings.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/identity/verifying.h"
#include "common/status_macros.h"
#include "issuer/keys/eab_key.h"
#include "norroy/config/v1/issuer.pb.h"

namespace norroy {
namespace {

using config::v1::IssuerConfig;

constexpr int kMaxListeners = 16;
constexpr int kMaxValidators = 16;
constexpr int kDefaultWorkers = 32;
constexpr int kMaxWorkers = 256;
constexpr int kMaxLimit = 1'000'000;
constexpr size_t kMaxRootFile = 64 * 1024;

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

// "host:port", "[::1]:8443".
bool IsHostPort(absl::string_view text, int min_port) {
  const size_t colon = text.rfind(':');
  int port = 0;
  return colon != absl::string_view::npos && colon > 0 && text.size() <= 260 &&
         absl::SimpleAtoi(text.substr(colon + 1), &port) && port >= min_port && port <= 65535 &&
         Printable(text) == text && text.find(' ') == absl::string_view::npos;
}

template <typename Texts>
absl::StatusOr<std::vector<std::string>> ReadAddresses(absl::string_view field, const Texts& texts,
                                                       int max, int min_port) {
  if (texts.empty() || texts.size() > max) {
    return BadConfig(absl::StrCat(field, " must have 1 to ", max, " entries of \"host:port\""));
  }
  std::vector<std::string> addresses;
  for (const std::string& text : texts) {
    if (!IsHostPort(text, min_port)) {
      return BadConfig(absl::StrCat(field, "[", addresses.size(), "]: \"", Printable(text),
                                    "\" is not \"host:port\""));
    }
    addresses.push_back(text);
  }
  return addresses;
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

// A PEM file with a key and a certificate of `role`.
absl::StatusOr<identity::IdentityFile> ReadPair(const std::string& path,
                                                const std::string& core_root_file,
                                                const std::string& deployment, identity::Role role,
                                                absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root, ReadRoot(core_root_file));
  NORROY_ASSIGN_OR_RETURN(identity::IdentityFile file, identity::ReadIdentityFile(path));
  const absl::StatusOr<identity::Identity> identity =
      identity::VerifyIdentity(file.chain, root, deployment, now);
  if (!identity.ok()) return WithContext(identity.status(), path);
  if (identity->role != role) {
    return BadConfig(absl::StrCat(path, " is the identity of ", identity->Principal(),
                                  "; one of role ", identity::RoleName(role), " is needed"));
  }
  return file;
}

absl::StatusOr<SealPair> ReadSeal(const std::string& path, const std::string& core_root_file,
                                  const std::string& deployment, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(identity::IdentityFile file,
                          ReadPair(path, core_root_file, deployment, types::v1::ROLE_SEAL, now));
  return SealPair{std::move(file.key), std::move(file.chain.front())};
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

absl::StatusOr<int> ReadNumber(absl::string_view field, int value, int fallback, int max) {
  if (value == 0) return fallback;
  if (value > 0 && value <= max) return value;
  return BadConfig(absl::StrCat(field, " is ", value, "; it must be 1 to ", max,
                                ", or 0 for the default ", fallback));
}

absl::StatusOr<store::Limits> ReadLimits(const config::v1::LimitsConfig& config) {
  store::Limits limits;
  NORROY_ASSIGN_OR_RETURN(
      limits.new_orders_per_set_per_hour,
      ReadNumber("limits.new_orders_per_set_per_hour", config.new_orders_per_set_per_hour(),
                 limits.new_orders_per_set_per_hour, kMaxLimit));
  NORROY_ASSIGN_OR_RETURN(
      limits.certificates_per_set_per_week,
      ReadNumber("limits.certificates_per_set_per_week", config.certificates_per_set_per_week(),
                 limits.certificates_per_set_per_week, kMaxLimit));
  NORROY_ASSIGN_OR_RETURN(
      limits.failures_per_name_per_hour,
      ReadNumber("limits.failures_per_name_per_hour", config.failures_per_name_per_hour(),
                 limits.failures_per_name_per_hour, kMaxLimit));
  return limits;
}

absl::Status CheckCaFiles(const std::vector<keys::CaSettings>& cas) {
  for (size_t i = 0; i < cas.size(); ++i) {
    const std::string where = absl::StrCat("cas[", i, "]");
    if (!cas[i].http.root_file.empty()) {
      const absl::Status root = ReadRoot(cas[i].http.root_file).status();
      if (!root.ok()) return WithContext(root, absl::StrCat(where, ".root_file"));
    }
    if (!cas[i].eab_key_file.empty()) {
      const absl::Status key = keys::ReadEabKey(cas[i].eab_key_file).status();
      if (!key.ok()) return WithContext(key, where);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<IssuerSettings> ReadSettings(const IssuerConfig& config, const std::string& path,
                                            absl::Time now) {
  NORROY_RETURN_IF_ERROR(identity::CheckDeployment(config.deployment()));
  NORROY_ASSIGN_OR_RETURN(std::vector<std::string> listen,
                          ReadAddresses("listen", config.listen(), kMaxListeners, 0));
  NORROY_ASSIGN_OR_RETURN(std::vector<std::string> validators,
                          ReadAddresses("validators", config.validators(), kMaxValidators, 1));
  NORROY_ASSIGN_OR_RETURN(std::string identity_file, ReadPath("identity.identity_file", path,
                                                              config.identity().identity_file()));
  NORROY_ASSIGN_OR_RETURN(std::string core_root_file, ReadPath("identity.core_root_file", path,
                                                               config.identity().core_root_file()));
  NORROY_ASSIGN_OR_RETURN(const std::string seal_file,
                          ReadPath("seal_file", path, config.seal_file()));
  NORROY_ASSIGN_OR_RETURN(std::string database, ReadPath("database", path, config.database()));
  NORROY_ASSIGN_OR_RETURN(std::string keys_dir, ReadPath("keys_dir", path, config.keys_dir()));
  NORROY_ASSIGN_OR_RETURN(std::vector<keys::CaSettings> cas, keys::ReadCaSettings(config, path));
  NORROY_RETURN_IF_ERROR(CheckCaFiles(cas));
  NORROY_ASSIGN_OR_RETURN(std::unique_ptr<policy::Policy> policy, policy::MakeConfigPolicy(config));
  NORROY_ASSIGN_OR_RETURN(const int workers,
                          ReadNumber("workers", config.workers(), kDefaultWorkers, kMaxWorkers));
  NORROY_ASSIGN_OR_RETURN(const store::Limits limits, ReadLimits(config.limits()));
  NORROY_ASSIGN_OR_RETURN(
      std::string name, CheckIdentityFile(identity_file, core_root_file, config.deployment(), now));
  NORROY_ASSIGN_OR_RETURN(SealPair seal,
                          ReadSeal(seal_file, core_root_file, config.deployment(), now));
  return IssuerSettings{
      .deployment = config.deployment(),
      .name = std::move(name),
      .listen = std::move(listen),
      .identity_file = std::move(identity_file),
      .core_root_file = std::move(core_root_file),
      .seal = std::move(seal),
      .validators = std::move(validators),
      .database = std::move(database),
      .keys_dir = std::move(keys_dir),
      .cas = std::move(cas),
      .policy = std::move(policy),
      .log_level = LevelOf(config.log().level()),
      .log_format = config.log().format() == config::v1::LOG_FORMAT_JSON ? log::Format::kJson
                                                                         : log::Format::kText,
      .reflection = config.reflection(),
      .workers = workers,
      .limits = limits,
  };
}

}  // namespace

absl::StatusOr<std::string> CheckIdentityFile(const std::string& identity_file,
                                              const std::string& core_root_file,
                                              const std::string& deployment, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(
      const identity::IdentityFile file,
      ReadPair(identity_file, core_root_file, deployment, types::v1::ROLE_ISSUER, now));
  NORROY_ASSIGN_OR_RETURN(const identity::Identity identity,
                          identity::Identity::OfCertificate(file.chain.front()));
  return identity.name;
}

absl::StatusOr<IssuerSettings> LoadIssuerSettings(const std::string& path, absl::Time now) {
  IssuerConfig config;
  NORROY_RETURN_IF_ERROR(config::LoadYaml(path, config));
  absl::StatusOr<IssuerSettings> settings = ReadSettings(config, path, now);
  if (!settings.ok()) return WithContext(settings.status(), path);
  return settings;
}

}  // namespace norroy
