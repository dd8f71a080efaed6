#include "cli/sync_settings.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/certificate_files.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/program/program.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

namespace cv1 = config::v1;

constexpr int kMaxIssuers = 8;
constexpr int kMaxHooks = 16;
constexpr int kMaxServe = 16;
constexpr int kMaxDomains = 100;
constexpr size_t kMaxName = 200;
constexpr int kDefaultHookSeconds = 60;
constexpr int kMaxHookSeconds = 3600;
constexpr int kDefaultServeSeconds = 30;
constexpr int kMaxServeSeconds = 600;
constexpr mode_t kMostMode = 0660;

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

absl::StatusOr<absl::Duration> Seconds(absl::string_view what, int value, int usual, int most) {
  if (value == 0) return absl::Seconds(usual);
  if (value < 0 || value > most) return BadConfig(absl::StrCat(what, ": 1 to ", most));
  return absl::Seconds(value);
}

// A number, or a name that `look` knows.
template <typename Id, typename Look>
absl::StatusOr<std::optional<Id>> ReadId(absl::string_view what, const std::string& text,
                                         Look look) {
  if (text.empty()) return std::optional<Id>();
  uint32_t number = 0;
  if (absl::SimpleAtoi(text, &number)) return std::optional<Id>(static_cast<Id>(number));
  const std::optional<Id> found = look(text);
  if (!found.has_value()) {
    return BadConfig(
        absl::StrCat(what, ": this host knows no ", what, " \"", Printable(text), "\""));
  }
  return found;
}

std::optional<uid_t> UserOf(const std::string& name) {
  std::array<char, 16384> buffer;
  struct passwd entry = {};
  struct passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  return found == nullptr ? std::optional<uid_t>() : found->pw_uid;
}

std::optional<gid_t> GroupOf(const std::string& name) {
  std::array<char, 65536> buffer;
  struct group entry = {};
  struct group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  return found == nullptr ? std::optional<gid_t>() : found->gr_gid;
}

absl::StatusOr<std::optional<mode_t>> ReadMode(const std::string& text) {
  if (text.empty()) return std::optional<mode_t>();
  mode_t mode = 0;
  const bool octal = text.size() <= 4 && std::all_of(text.begin(), text.end(),
                                                     [](char c) { return c >= '0' && c <= '7'; });
  for (const char c : text) mode = mode * 8 + static_cast<mode_t>(c - '0');
  if (!octal || (mode & ~kMostMode) != 0 || (mode & 0400) == 0) {
    return BadConfig(absl::StrCat("mode \"", Printable(text),
                                  "\": octal, readable by the owner, nothing for others and "
                                  "nothing to execute: \"0600\", \"0640\""));
  }
  return std::optional<mode_t>(mode);
}

absl::StatusOr<SyncHook> ReadHook(const cv1::SyncHook& config) {
  SyncHook hook;
  hook.command.argv.assign(config.argv().begin(), config.argv().end());
  hook.command.environment.assign(config.environment().begin(), config.environment().end());
  NORROY_RETURN_IF_ERROR(program::CheckCommand(hook.command));
  NORROY_ASSIGN_OR_RETURN(hook.timeout, Seconds("timeout_seconds", config.timeout_seconds(),
                                                kDefaultHookSeconds, kMaxHookSeconds));
  return hook;
}

// A name that a client could ask for: addresses and wildcards are none.
std::string UsualServerName(const WantedCertificate& wanted) {
  for (const std::string& text : wanted.domain_texts) {
    const auto name = challenge::Name::Parse(text);
    const bool askable = name.ok() && !name->wildcard() &&
                         name->identifier().type() == challenge::IdentifierType::kDns;
    if (askable) return name->text();
  }
  return "";
}

absl::StatusOr<ServeTarget> ReadServe(const cv1::SyncServe& config,
                                      const WantedCertificate& wanted) {
  ServeTarget target;
  NORROY_ASSIGN_OR_RETURN(target.address, ParseAddress("address", config.address()));
  if (target.address.is_any() || target.address.port == 0) {
    return BadConfig(absl::StrCat("address ", Printable(config.address()), " cannot be dialled"));
  }
  target.server_name =
      config.server_name().empty() ? UsualServerName(wanted) : config.server_name();
  if (target.server_name.size() > 255 || target.server_name.find('\0') != std::string::npos) {
    return BadConfig("server_name: a host name");
  }
  target.smtp = config.start_tls() == cv1::SYNC_START_TLS_SMTP;
  NORROY_ASSIGN_OR_RETURN(target.timeout, Seconds("timeout_seconds", config.timeout_seconds(),
                                                  kDefaultServeSeconds, kMaxServeSeconds));
  return target;
}

absl::Status ReadDomains(const cv1::SyncCertificate& config, WantedCertificate& wanted) {
  if (config.domains().empty() || config.domains_size() > kMaxDomains) {
    return BadConfig("domains: 1 to 100 names");
  }
  for (const std::string& text : config.domains()) {
    NORROY_ASSIGN_OR_RETURN(const challenge::Name name, challenge::Name::Parse(text));
    wanted.domain_texts.push_back(name.text());
  }
  NORROY_ASSIGN_OR_RETURN(wanted.domains, challenge::ParseNames(wanted.domain_texts));
  return absl::OkStatus();
}

absl::Status ReadActions(const cv1::SyncCertificate& config, WantedCertificate& wanted) {
  if (config.deploy_hooks_size() > kMaxHooks) return BadConfig("deploy_hooks: at most 16");
  for (int i = 0; i < config.deploy_hooks_size(); ++i) {
    auto hook = ReadHook(config.deploy_hooks(i));
    if (!hook.ok()) return WithContext(hook.status(), absl::StrCat("deploy_hooks[", i, "]"));
    wanted.hooks.push_back(*std::move(hook));
  }
  if (config.serve_size() > kMaxServe) return BadConfig("serve: at most 16");
  for (int i = 0; i < config.serve_size(); ++i) {
    auto target = ReadServe(config.serve(i), wanted);
    if (!target.ok()) return WithContext(target.status(), absl::StrCat("serve[", i, "]"));
    wanted.serve.push_back(*std::move(target));
  }
  return absl::OkStatus();
}

absl::StatusOr<WantedCertificate> ReadCertificate(const cv1::SyncCertificate& config) {
  WantedCertificate wanted;
  NORROY_RETURN_IF_ERROR(ReadDomains(config, wanted));
  wanted.name = config.name().empty() ? FolderName(wanted.domain_texts.front()) : config.name();
  // An IPv6 address is no file name by itself.
  std::replace(wanted.name.begin(), wanted.name.end(), ':', '_');
  NORROY_RETURN_IF_ERROR(CheckCertificateName(wanted.name));
  if (!config.key_type().empty()) {
    NORROY_ASSIGN_OR_RETURN(wanted.key_type, crypto::ParseKeyType(config.key_type()));
  }
  wanted.ca = config.ca();
  wanted.profile = config.profile();
  wanted.preferred_chain = config.preferred_chain();
  wanted.reuse_key = config.reuse_key();
  wanted.bundle = config.bundle();
  NORROY_ASSIGN_OR_RETURN(wanted.access.owner, ReadId<uid_t>("user", config.owner(), UserOf));
  NORROY_ASSIGN_OR_RETURN(wanted.access.group, ReadId<gid_t>("group", config.group(), GroupOf));
  NORROY_ASSIGN_OR_RETURN(wanted.access.mode, ReadMode(config.mode()));
  NORROY_RETURN_IF_ERROR(ReadActions(config, wanted));
  return wanted;
}

std::string EntryTitle(const cv1::SyncCertificate& config, int index) {
  const std::string& name = !config.name().empty()      ? config.name()
                            : !config.domains().empty() ? config.domains(0)
                                                        : config.name();
  return absl::StrCat("certificates[", index, "]",
                      name.empty() ? "" : absl::StrCat(" (", Printable(name), ")"));
}

absl::Status ReadCertificates(const cv1::SyncConfig& config, SyncSettings& settings) {
  if (static_cast<size_t>(config.certificates_size()) > kMaxSyncCertificates) {
    return BadConfig("certificates: at most 1000");
  }
  std::set<std::string> names;
  for (int i = 0; i < config.certificates_size(); ++i) {
    auto wanted = ReadCertificate(config.certificates(i));
    if (!wanted.ok()) {
      return WithContext(wanted.status(), EntryTitle(config.certificates(i), i));
    }
    if (!names.insert(wanted->name).second) {
      return BadConfig(absl::StrCat(EntryTitle(config.certificates(i), i), ": another entry is ",
                                    "called ", wanted->name, ", too; give one of them a name"));
    }
    settings.certificates.push_back(*std::move(wanted));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckCertificateName(absl::string_view name) {
  const bool fine = !name.empty() && name.size() <= kMaxName && name[0] != '.' && name[0] != '-' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
                             c == '_' || c == '-';
                    });
  if (fine) return absl::OkStatus();
  return BadConfig(absl::StrCat("name \"", Printable(name),
                                "\": 1 to 200 of letters, digits, \".\", \"_\" and \"-\", not "
                                "beginning with \".\" or \"-\""));
}

absl::StatusOr<SyncSettings> CheckSyncConfig(const cv1::SyncConfig& config,
                                             const std::string& path) {
  SyncSettings settings;
  if (config.state_dir().empty()) return BadConfig("state_dir is missing");
  std::error_code error;
  settings.state_dir =
      std::filesystem::absolute(config::ResolvePath(path, config.state_dir()), error)
          .lexically_normal()
          .string();
  if (settings.state_dir.size() > 1 && settings.state_dir.back() == '/') {
    settings.state_dir.pop_back();
  }
  if (config.issuers_size() > kMaxIssuers) return BadConfig("issuers: at most 8");
  for (const std::string& issuer : config.issuers()) {
    NORROY_RETURN_IF_ERROR(ParseAddress("issuers", issuer).status());
    settings.issuers.push_back(issuer);
  }
  settings.identity_file = config::ResolvePath(path, config.identity_file());
  settings.core_root_file = config::ResolvePath(path, config.core_root_file());
  NORROY_RETURN_IF_ERROR(ReadCertificates(config, settings));
  return settings;
}

absl::StatusOr<SyncSettings> LoadSyncSettings(const std::string& path) {
  cv1::SyncConfig config;
  NORROY_RETURN_IF_ERROR(config::LoadYaml(path, config));
  auto settings = CheckSyncConfig(config, path);
  if (!settings.ok()) return WithContext(settings.status(), path);
  const bool runs_programs =
      std::any_of(settings->certificates.begin(), settings->certificates.end(),
                  [](const WantedCertificate& wanted) { return !wanted.hooks.empty(); });
  if (runs_programs) {
    // Whoever may write it may run anything with our rights.
    std::error_code error;
    const auto absolute = std::filesystem::absolute(path, error).lexically_normal();
    NORROY_RETURN_IF_ERROR(
        WithContext(program::CheckArgument(absolute.string()), "it names deploy_hooks"));
  }
  return settings;
}

}  // namespace norroy::cli
