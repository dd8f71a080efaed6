#include "issuer/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/audit_config.h"
#include "common/challenge/pattern.h"
#include "common/config/config.h"
#include "common/daemon/database.h"
#include "common/daemon/settings.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/rpc/callers_config.h"
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
constexpr int kMinProofLease = 5;
constexpr int kMaxProofLease = 43'200;
constexpr int kMaxLimit = 1'000'000;
constexpr int kWarmOrders = 60;

absl::StatusOr<keys::SealFiles> ReadSealFiles(const IssuerConfig& config, const std::string& path,
                                              const std::string& core_root_file) {
  keys::SealFiles files{.core_root_file = core_root_file, .deployment = config.deployment()};
  NORROY_ASSIGN_OR_RETURN(files.seal_file, daemon::ReadPath("seal_file", path, config.seal_file()));
  if (config.has_seal_key()) {
    absl::StatusOr<keys::KeyLocation> key =
        keys::ReadKeyConfig(config.seal_key(), config.pkcs11_module(), path);
    if (!key.ok()) return WithContext(key.status(), "seal_key");
    files.seal_key = *std::move(key);
  }
  return files;
}

// The file says who may order what: whoever can write to it can order anything. A file that is not
// there is the reader's to tell of.
absl::Status CheckWriters(const std::string& path) {
  struct stat file = {};
  if (stat(path.c_str(), &file) != 0) return absl::OkStatus();
  if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return daemon::BadConfig(
        absl::StrCat(path,
                     ": others than its owner may write to it, and so grant themselves every name; "
                     "chmod 0644 (or 0640) it"));
  }
  if (file.st_uid == 0 || file.st_uid == geteuid()) return absl::OkStatus();
  return daemon::BadConfig(absl::StrCat(path, ": belongs to user ", file.st_uid,
                                        ", who could grant himself every name; it must be root's, "
                                        "or the user's that the issuer runs as"));
}

absl::StatusOr<int> ReadNumber(absl::string_view field, int value, int fallback, int max) {
  if (value == 0) return fallback;
  if (value > 0 && value <= max) return value;
  return daemon::BadConfig(absl::StrCat(field, " is ", value, "; it must be 1 to ", max,
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

absl::StatusOr<absl::Duration> ReadProofLease(const config::v1::IssuerConfig& config) {
  const int32_t seconds = config.proof_lease_seconds();
  if (seconds == 0 || (seconds >= kMinProofLease && seconds <= kMaxProofLease)) {
    return absl::Seconds(seconds);
  }
  return daemon::BadConfig(absl::StrCat("proof_lease_seconds is ", seconds, "; it must be ",
                                        kMinProofLease, " to ", kMaxProofLease,
                                        ", or 0 for the default"));
}

absl::Status OpenAccountKey(const std::string& where, const std::optional<keys::KeyLocation>& key,
                            std::shared_ptr<crypto::Signer>& out) {
  if (!key.has_value()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<crypto::Signer>> signer = keys::OpenKey(*key);
  if (!signer.ok()) return WithContext(signer.status(), where);
  out = *std::move(signer);
  return absl::OkStatus();
}

absl::Status OpenCaFiles(std::vector<keys::CaSettings>& cas) {
  for (size_t i = 0; i < cas.size(); ++i) {
    const std::string where = absl::StrCat("cas[", i, "]");
    if (!cas[i].http.root_file.empty()) {
      const absl::Status root = daemon::ReadRoot(cas[i].http.root_file).status();
      if (!root.ok()) return WithContext(root, absl::StrCat(where, ".root_file"));
    }
    if (!cas[i].eab_key_file.empty()) {
      const absl::Status key = keys::ReadEabKey(cas[i].eab_key_file).status();
      if (!key.ok()) return WithContext(key, where);
    }
    NORROY_RETURN_IF_ERROR(OpenAccountKey(absl::StrCat(where, ".account_key"), cas[i].account_key,
                                          cas[i].account_signer));
    NORROY_RETURN_IF_ERROR(OpenAccountKey(absl::StrCat(where, ".next_account_key"),
                                          cas[i].next_account_key, cas[i].next_account_signer));
  }
  return absl::OkStatus();
}

absl::StatusOr<flow::Grade> ReadGrade(config::v1::PreflightGrade grade) {
  switch (grade) {
    case config::v1::PREFLIGHT_GRADE_OFF:
      return flow::Grade::kOff;
    case config::v1::PREFLIGHT_GRADE_ADVISE:
      return flow::Grade::kAdvise;
    case config::v1::PREFLIGHT_GRADE_GATE:
      return flow::Grade::kGate;
    default:
      return daemon::BadConfig("grade is missing: off, advise or gate");
  }
}

absl::StatusOr<flow::Grades::Rule> ReadRule(const config::v1::PreflightConfig& config) {
  flow::Grades::Rule rule;
  NORROY_ASSIGN_OR_RETURN(rule.grade, ReadGrade(config.grade()));
  if (config.names().empty()) {
    return daemon::BadConfig("names is empty: say for which names the grade is");
  }
  NORROY_ASSIGN_OR_RETURN(rule.names,
                          challenge::ParsePatterns({config.names().begin(), config.names().end()}));
  for (const challenge::Pattern& pattern : rule.names) {
    if (!absl::StartsWith(pattern.text(), "*.")) continue;
    return daemon::BadConfig(absl::StrCat(
        "names: \"", pattern.text(), "\" matches nothing, as names are held against it without ",
        "their \"*.\"; write \"", pattern.text().substr(2), "\""));
  }
  return rule;
}

absl::StatusOr<flow::Grades> ReadGrades(const IssuerConfig& config) {
  std::vector<flow::Grades::Rule> rules;
  for (int i = 0; i < config.preflight_size(); ++i) {
    absl::StatusOr<flow::Grades::Rule> rule = ReadRule(config.preflight(i));
    if (!rule.ok()) return WithContext(rule.status(), absl::StrCat("preflight[", i, "]"));
    rules.push_back(*std::move(rule));
  }
  return flow::Grades(std::move(rules));
}

absl::StatusOr<std::optional<sign_in::Settings>> ReadDoor(const IssuerConfig& config,
                                                          const sign_in::Surroundings& surroundings,
                                                          absl::Time now) {
  if (!config.has_sign_in()) return std::nullopt;
  NORROY_ASSIGN_OR_RETURN(sign_in::Settings settings,
                          sign_in::ReadSignIn(config.sign_in(), surroundings, now));
  return std::optional<sign_in::Settings>(std::move(settings));
}

absl::StatusOr<IssuerSettings> ReadSettings(const IssuerConfig& config, const std::string& path,
                                            absl::Time now) {
  NORROY_RETURN_IF_ERROR(identity::CheckDeployment(config.deployment()));
  NORROY_ASSIGN_OR_RETURN(
      std::vector<std::string> listen,
      daemon::ReadAddresses("listen", {config.listen().begin(), config.listen().end()},
                            kMaxListeners, 0));
  NORROY_ASSIGN_OR_RETURN(
      std::vector<std::string> validators,
      daemon::ReadAddresses("validators", {config.validators().begin(), config.validators().end()},
                            kMaxValidators, 1));
  NORROY_ASSIGN_OR_RETURN(
      std::string identity_file,
      daemon::ReadPath("identity.identity_file", path, config.identity().identity_file()));
  NORROY_ASSIGN_OR_RETURN(
      std::string core_root_file,
      daemon::ReadPath("identity.core_root_file", path, config.identity().core_root_file()));
  NORROY_ASSIGN_OR_RETURN(std::string database,
                          daemon::ReadDatabase("database", path, config.database()));
  NORROY_ASSIGN_OR_RETURN(std::string keys_dir,
                          daemon::ReadPath("keys_dir", path, config.keys_dir()));
  NORROY_ASSIGN_OR_RETURN(std::vector<keys::CaSettings> cas, keys::ReadCaSettings(config, path));
  NORROY_RETURN_IF_ERROR(OpenCaFiles(cas));
  NORROY_ASSIGN_OR_RETURN(policy::ConfiguredGrants grants, policy::ReadConfiguredGrants(config));
  NORROY_ASSIGN_OR_RETURN(const int workers,
                          ReadNumber("workers", config.workers(), kDefaultWorkers, kMaxWorkers));
  NORROY_ASSIGN_OR_RETURN(const store::Limits limits, ReadLimits(config.limits()));
  NORROY_ASSIGN_OR_RETURN(const int warm_orders, ReadNumber("limits.warm_orders_per_hour",
                                                            config.limits().warm_orders_per_hour(),
                                                            kWarmOrders, kMaxLimit));
  NORROY_ASSIGN_OR_RETURN(flow::Grades grades, ReadGrades(config));
  NORROY_ASSIGN_OR_RETURN(const absl::Duration proof_lease, ReadProofLease(config));
  NORROY_ASSIGN_OR_RETURN(const rpc::CallerLimitsOptions callers,
                          rpc::ReadCallers(config.callers()));
  NORROY_ASSIGN_OR_RETURN(const absl::Duration checkpoint_every,
                          audit::ReadCheckpointEvery(config.audit()));
  NORROY_ASSIGN_OR_RETURN(std::vector<std::string> diagnostics,
                          daemon::ReadDiagnostics(config.diagnostics()));
  NORROY_ASSIGN_OR_RETURN(
      std::string name, CheckIdentityFile(identity_file, core_root_file, config.deployment(), now));
  NORROY_ASSIGN_OR_RETURN(keys::SealFiles seal_files, ReadSealFiles(config, path, core_root_file));
  NORROY_ASSIGN_OR_RETURN(keys::SealPair seal, keys::OpenSealPair(seal_files, now));
  NORROY_ASSIGN_OR_RETURN(
      std::optional<sign_in::Settings> sign_in,
      ReadDoor(config, {path, config.deployment(), identity_file, core_root_file}, now));
  return IssuerSettings{
      .deployment = config.deployment(),
      .name = std::move(name),
      .listen = std::move(listen),
      .identity_file = std::move(identity_file),
      .core_root_file = std::move(core_root_file),
      .seal = std::move(seal),
      .seal_files = std::move(seal_files),
      .validators = std::move(validators),
      .database = std::move(database),
      .keys_dir = std::move(keys_dir),
      .cas = std::move(cas),
      .grants = std::move(grants),
      .log_level = daemon::LevelOf(config.log()),
      .log_format = daemon::FormatOf(config.log()),
      .reflection = config.reflection(),
      .workers = workers,
      .limits = limits,
      .warm_orders_per_hour = warm_orders,
      .grades = std::move(grades),
      .proof_lease = proof_lease,
      .sign_in = std::move(sign_in),
      .callers = callers,
      .checkpoint_every = checkpoint_every,
      .diagnostics = std::move(diagnostics),
  };
}

}  // namespace

absl::StatusOr<std::string> CheckIdentityFile(const std::string& identity_file,
                                              const std::string& core_root_file,
                                              const std::string& deployment, absl::Time now) {
  return daemon::ReadNameOf(types::v1::ROLE_ISSUER, identity_file, core_root_file, deployment, now);
}

absl::StatusOr<IssuerSettings> LoadIssuerSettings(const std::string& path, absl::Time now) {
  IssuerConfig config;
  NORROY_RETURN_IF_ERROR(CheckWriters(path));
  NORROY_RETURN_IF_ERROR(config::LoadYaml(path, config));
  absl::StatusOr<IssuerSettings> settings = ReadSettings(config, path, now);
  if (!settings.ok()) return WithContext(settings.status(), path);
  return settings;
}

}  // namespace norroy
