#include "agent/settings.h"

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/join/join_token.h"
#include "common/status_macros.h"
#include "norroy/config/v1/agent.pb.h"

namespace norroy::agent {
namespace {

namespace cv1 = config::v1;

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
  NORROY_RETURN_IF_ERROR(HttpListener::Check(options));
  return options;
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
  if (!config.has_http_listener() && !config.has_webroot()) {
    return BadConfig("nothing to answer challenges with: configure http_listener or webroot");
  }
  settings.log_level = ToLevel(config.log().level());
  if (config.log().format() == cv1::LOG_FORMAT_JSON) settings.log_format = log::Format::kJson;
  return settings;
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const std::string& path) {
  cv1::AgentConfig config;
  NORROY_RETURN_IF_ERROR(config::LoadYaml(path, config));
  auto settings = FromProto(config, path);
  if (!settings.ok()) return WithContext(settings.status(), path);
  return settings;
}

}  // namespace norroy::agent
