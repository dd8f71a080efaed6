#include "agent/settings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "agent/inherited_sockets.h"
#include "agent/settings_dns.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/join/join_token.h"
#include "common/status_macros.h"
#include "norroy/config/v1/agent.pb.h"

namespace norroy::agent {
namespace {

namespace cv1 = config::v1;

// As ParseYaml takes them.
constexpr size_t kMaxConfigBytes = 1024 * 1024;

absl::Status BadConfig(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", what);
}

log::Level ToLevel(cv1::LogLevel level) {
  switch (level) {
    case cv1::LOG_LEVEL_DEBUG:
      return log::Level::kDebug;
    case cv1::LOG_LEVEL_WARNING:
      return log::Level::kWarning;
    case cv1::LOG_LEVEL_ERROR:
      return log::Level::kError;
    default:
      return log::Level::kInfo;
  }
}

absl::StatusOr<std::vector<std::string>> ReadValidators(const cv1::AgentConfig& config) {
  if (config.validators_size() > join::kMaxValidators) {
    return BadConfig(absl::StrCat("validators: ", config.validators_size(), " addresses, at most ",
                                  join::kMaxValidators));
  }
  for (const std::string& address : config.validators()) {
    const absl::Status good = join::CheckValidatorAddress(address);
    if (!good.ok()) return BadConfig(absl::StrCat("validators: ", good.message()));
  }
  return std::vector<std::string>(config.validators().begin(), config.validators().end());
}

absl::StatusOr<HttpListenerOptions> ReadListener(const cv1::HttpListenerConfig& config) {
  HttpListenerOptions options;
  options.listen.assign(config.listen().begin(), config.listen().end());
  options.match_token = config.match() == cv1::HTTP_MATCH_TOKEN;
  options.accept_hosts.assign(config.accept_hosts().begin(), config.accept_hosts().end());
  HttpListenerOptions checked = options;
  checked.listen = WithoutNames(options.listen);
  NORROY_RETURN_IF_ERROR(HttpListener::Check(checked));
  return options;
}

absl::StatusOr<TlsAlpnOptions> ReadTlsAlpn(const cv1::TlsAlpnConfig& config) {
  TlsAlpnOptions options;
  options.listen.assign(config.listen().begin(), config.listen().end());
  TlsAlpnOptions checked = options;
  checked.listen = WithoutNames(options.listen);
  NORROY_RETURN_IF_ERROR(TlsAlpn::Check(checked));
  return options;
}

absl::Status Unsafe(const std::string& path, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "UNSAFE_FILE",
                   absl::StrCat(path, ": ", what));
}

// Whoever can write the file can have the agent run programs.
absl::Status CheckFile(const struct stat& info, const std::string& path) {
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return Unsafe(path, absl::StrFormat("belongs to user %d, neither to root nor to user %d, whom "
                                        "the agent runs as; run: chown root %s",
                                        info.st_uid, geteuid(), path));
  }
  if ((info.st_mode & 022) != 0) {
    return Unsafe(path, absl::StrFormat("mode %04o lets others write it; run: chmod go-w %s",
                                        info.st_mode & 07777, path));
  }
  return absl::OkStatus();
}

// And so can whoever can put another file in its place.
absl::Status CheckFolder(const std::string& path) {
  std::error_code ignored;
  const std::string folder = std::filesystem::absolute(path, ignored).parent_path().string();
  struct stat info;
  if (stat(folder.c_str(), &info) != 0) {
    return Unsafe(folder, absl::StrCat("cannot be looked at: ", std::strerror(errno)));
  }
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return Unsafe(folder, absl::StrFormat("the configuration's folder belongs to user %d, neither "
                                          "to root nor to user %d, whom the agent runs as; run: "
                                          "chown root %s",
                                          info.st_uid, geteuid(), folder));
  }
  if ((info.st_mode & 022) != 0) {
    return Unsafe(folder, absl::StrFormat("mode %04o lets others put another file in the "
                                          "configuration's place; run: chmod go-w %s",
                                          info.st_mode & 07777, folder));
  }
  return absl::OkStatus();
}

// A program's environment may hold a provider's credential.
absl::Status CheckReaders(const cv1::AgentConfig& config, const struct stat& info,
                          const std::string& path) {
  const bool holds = std::any_of(config.exec_hook().begin(), config.exec_hook().end(),
                                 [](const auto& hook) { return hook.environment_size() > 0; });
  if (!holds || (info.st_mode & 004) == 0) return absl::OkStatus();
  return Unsafe(path, absl::StrFormat("mode %04o lets anybody read it, and exec_hook.environment "
                                      "may hold credentials; run: chmod o-r %s",
                                      info.st_mode & 07777, path));
}

absl::Status CannotRead(const std::string& path, int error) {
  return BadConfig(absl::StrCat(Printable(path), ": cannot be read: ", std::strerror(error)));
}

// The file as it was when it was opened: what was looked at is what is read.
struct ConfigFile {
  struct stat info = {};
  std::string text;
};

absl::StatusOr<ConfigFile> ReadConfigFile(const std::string& path) {
  if (absl::StrContains(path, '\0')) return CannotRead(path, EINVAL);
  // O_NONBLOCK: a named pipe must not hold us.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return CannotRead(path, errno);
  absl::Cleanup close_fd = [fd] { close(fd); };
  ConfigFile file;
  if (fstat(fd, &file.info) != 0) return CannotRead(path, errno);
  if (!S_ISREG(file.info.st_mode)) {
    return BadConfig(absl::StrCat(Printable(path), ": cannot be read: it is no regular file"));
  }
  // One byte more than is allowed: the parser says that it is too long.
  file.text.resize(kMaxConfigBytes + 1);
  size_t size = 0;
  while (size < file.text.size()) {
    const ssize_t got = read(fd, file.text.data() + size, file.text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(path, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  file.text.resize(size);
  return file;
}

absl::Status CheckPresenters(const Settings& settings) {
  const size_t count = DescribePresenters(settings).size();
  if (count == 0) {
    return BadConfig(
        "nothing to answer challenges with: configure http_listener, webroot, tls_alpn, "
        "delegated_zone, rfc2136, powerdns or exec_hook");
  }
  if (count > kMaxPresenters) {
    return BadConfig(absl::StrCat(count, " presenters, at most ", kMaxPresenters));
  }
  return absl::OkStatus();
}

std::string ZonesText(const std::vector<dns::Name>& zones) {
  return absl::StrCat("; zones ", absl::StrJoin(zones, ", ", [](std::string* out, const auto& z) {
                        out->append(z.text());
                      }));
}

absl::StatusOr<Settings> FromProto(const cv1::AgentConfig& config, const std::string& path) {
  Settings settings;
  if (config.state_dir().empty()) return BadConfig("state_dir is missing");
  settings.state_dir = config::ResolvePath(path, config.state_dir());
  NORROY_ASSIGN_OR_RETURN(settings.validators, ReadValidators(config));
  if (config.has_http_listener()) {
    NORROY_ASSIGN_OR_RETURN(settings.http_listener, ReadListener(config.http_listener()));
  }
  if (config.has_webroot()) {
    if (config.webroot().directory().empty()) return BadConfig("webroot: directory is missing");
    settings.webroot = config::ResolvePath(path, config.webroot().directory());
  }
  if (config.has_tls_alpn()) {
    auto options = ReadTlsAlpn(config.tls_alpn());
    if (!options.ok()) return WithContext(options.status(), "tls_alpn");
    settings.tls_alpn = *std::move(options);
  }
  NORROY_RETURN_IF_ERROR(ReadDns(config, path, settings));
  NORROY_RETURN_IF_ERROR(CheckPresenters(settings));
  settings.log_level = ToLevel(config.log().level());
  if (config.log().format() == cv1::LOG_FORMAT_JSON) settings.log_format = log::Format::kJson;
  return settings;
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const ConfigFile file, ReadConfigFile(path));
  NORROY_RETURN_IF_ERROR(CheckFile(file.info, path));
  NORROY_RETURN_IF_ERROR(CheckFolder(path));
  cv1::AgentConfig config;
  NORROY_RETURN_IF_ERROR(config::ParseYaml(file.text, path, config));
  NORROY_RETURN_IF_ERROR(CheckReaders(config, file.info, path));
  auto settings = FromProto(config, path);
  if (!settings.ok()) return WithContext(settings.status(), path);
  return settings;
}

absl::StatusOr<std::string> LoadStateDir(const std::string& path) {
  cv1::AgentConfig config;
  NORROY_RETURN_IF_ERROR(config::LoadYaml(path, config));
  if (config.state_dir().empty()) return BadConfig(absl::StrCat(path, ": state_dir is missing"));
  return config::ResolvePath(path, config.state_dir());
}

std::vector<std::string> DescribePresenters(const Settings& settings) {
  std::vector<std::string> lines;
  const auto add = [&lines](absl::string_view type, absl::string_view name, absl::string_view place,
                            absl::string_view zones) {
    lines.push_back(absl::StrCat(type, " by ", name, " at ", place, zones));
  };
  if (settings.http_listener.has_value()) {
    add("http-01", "http_listener", absl::StrJoin(settings.http_listener->listen, ", "), "");
  }
  if (!settings.webroot.empty()) add("http-01", "webroot", settings.webroot, "");
  if (settings.tls_alpn.has_value()) {
    add("tls-alpn-01", "tls_alpn", absl::StrJoin(settings.tls_alpn->listen, ", "), "");
  }
  if (settings.delegated_zone.has_value()) {
    const DelegatedZoneOptions& zone = *settings.delegated_zone;
    add("dns-01", absl::StrCat("delegated_zone ", zone.zone.text()),
        absl::StrJoin(zone.listen, ", "), ZonesText({zone.zone}));
  }
  for (const Rfc2136Options& one : settings.rfc2136) {
    add("dns-01", absl::StrCat("rfc2136 ", one.zones[0].text()), one.server.text(),
        ZonesText(one.zones));
  }
  for (const PowerdnsOptions& one : settings.powerdns) {
    add("dns-01", absl::StrCat("powerdns ", one.zones[0].text()), one.url, ZonesText(one.zones));
  }
  for (const ExecHookOptions& one : settings.exec_hooks) {
    // Arguments may be secrets.
    const size_t arguments = one.argv.size() - 1;
    add("dns-01", absl::StrCat("exec_hook ", one.zones[0].text()),
        arguments == 0 ? one.argv[0]
                       : absl::StrCat(one.argv[0], " with ", arguments,
                                      arguments == 1 ? " argument" : " arguments"),
        ZonesText(one.zones));
  }
  return lines;
}

}  // namespace norroy::agent
