#include "agent/settings_dns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/inherited_sockets.h"
#include "common/config/config.h"
#include "common/crypto/secret_file.h"
#include "common/dns/resolver.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

namespace cv1 = config::v1;
using Texts = google::protobuf::RepeatedPtrField<std::string>;

// What tsig-keygen makes for SHA-256 is 32 bytes; RFC 8945 asks for as many as the digest has.
constexpr size_t kMinTsigSecret = 16;
constexpr size_t kMaxTsigSecret = 512;

absl::Status BadConfig(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", what);
}

// 0 leaves the default.
absl::Status CheckNotNegative(absl::string_view field, int64_t value) {
  if (value >= 0) return absl::OkStatus();
  return BadConfig(absl::StrCat(field, ": ", value, " is less than 0"));
}

absl::StatusOr<dns::Name> ReadName(absl::string_view field, const std::string& text) {
  if (text.empty()) return BadConfig(absl::StrCat(field, " is missing"));
  const auto name = dns::Name::Parse(text);
  if (!name.ok()) return BadConfig(absl::StrCat(field, ": ", name.status().message()));
  if (name->is_root() || name->text()[0] == '*') {
    return BadConfig(
        absl::StrCat(field, ": \"", Printable(text), "\": the name of one zone or host is needed"));
  }
  return name;
}

absl::StatusOr<std::vector<dns::Name>> ReadZones(const Texts& texts) {
  if (texts.empty() || texts.size() > kMaxZonesPerPresenter) {
    return BadConfig(absl::StrCat("zones: ", texts.size(), ", not 1 to ", kMaxZonesPerPresenter,
                                  "; nothing is written outside them"));
  }
  std::vector<dns::Name> zones;
  for (const std::string& text : texts) {
    NORROY_ASSIGN_OR_RETURN(dns::Name zone, ReadName("zones", text));
    if (std::find(zones.begin(), zones.end(), zone) != zones.end()) {
      return BadConfig(absl::StrCat("zones: ", zone.text(), " is there twice"));
    }
    zones.push_back(std::move(zone));
  }
  return zones;
}

// A file's content without the line's end.
absl::StatusOr<crypto::Secret> ReadKey(absl::string_view field, const std::string& config_path,
                                       const std::string& path) {
  if (path.empty()) return BadConfig(absl::StrCat(field, " is missing"));
  const std::string resolved = config::ResolvePath(config_path, path);
  NORROY_ASSIGN_OR_RETURN(const crypto::Secret file, crypto::ReadSecretFile(resolved));
  crypto::Secret key(absl::StripAsciiWhitespace(file.Expose()));
  if (key.empty()) return BadConfig(absl::StrCat(field, ": ", resolved, " is empty"));
  return key;
}

absl::StatusOr<dns::TsigKey> ReadTsigKey(const cv1::Rfc2136Config& config,
                                         const std::string& path) {
  dns::TsigKey key;
  NORROY_ASSIGN_OR_RETURN(key.name, ReadName("key_name", config.key_name()));
  if (config.algorithm() == cv1::TSIG_ALGORITHM_HMAC_SHA512) {
    key.algorithm = dns::TsigAlgorithm::kHmacSha512;
  }
  NORROY_ASSIGN_OR_RETURN(const crypto::Secret text, ReadKey("key_file", path, config.key_file()));
  std::string bytes;
  const bool decoded = absl::Base64Unescape(text.Expose(), &bytes);
  key.secret = crypto::Secret::Take(bytes);
  const size_t size = key.secret.Expose().size();
  if (!decoded || size < kMinTsigSecret || size > kMaxTsigSecret) {
    return BadConfig(absl::StrCat(
        "key_file: ", config.key_file(), " is no base64 text of ", kMinTsigSecret, " to ",
        kMaxTsigSecret, " bytes; put there what stands after \"secret\" in the server's key"));
  }
  return key;
}

absl::StatusOr<Rfc2136Options> ReadRfc2136(const cv1::Rfc2136Config& config,
                                           const std::string& path, dns::Client& client) {
  Rfc2136Options options;
  NORROY_ASSIGN_OR_RETURN(options.zones, ReadZones(config.zones()));
  if (config.server().empty()) return BadConfig("server is missing");
  NORROY_ASSIGN_OR_RETURN(options.server, dns::Server::Parse(config.server()));
  NORROY_ASSIGN_OR_RETURN(options.key, ReadTsigKey(config, path));
  NORROY_RETURN_IF_ERROR(CheckNotNegative("ttl_seconds", config.ttl_seconds()));
  if (config.ttl_seconds() > 0) options.ttl = static_cast<uint32_t>(config.ttl_seconds());
  NORROY_RETURN_IF_ERROR(MakeRfc2136(options, client).status());
  return options;
}

absl::StatusOr<PowerdnsOptions> ReadPowerdns(const cv1::PowerdnsConfig& config,
                                             const std::string& path) {
  PowerdnsOptions options;
  NORROY_ASSIGN_OR_RETURN(options.zones, ReadZones(config.zones()));
  options.url = config.url();
  NORROY_ASSIGN_OR_RETURN(options.api_key, ReadKey("api_key_file", path, config.api_key_file()));
  if (!config.server_id().empty()) options.server_id = config.server_id();
  options.root_file = config::ResolvePath(path, config.root_file());
  NORROY_RETURN_IF_ERROR(CheckNotNegative("ttl_seconds", config.ttl_seconds()));
  if (config.ttl_seconds() > 0) options.ttl = static_cast<uint32_t>(config.ttl_seconds());
  NORROY_RETURN_IF_ERROR(CheckPowerdns(options));
  return options;
}

absl::StatusOr<ExecHookOptions> ReadExecHook(const cv1::ExecHookConfig& config) {
  ExecHookOptions options;
  NORROY_ASSIGN_OR_RETURN(options.zones, ReadZones(config.zones()));
  options.argv.assign(config.argv().begin(), config.argv().end());
  options.environment.assign(config.environment().begin(), config.environment().end());
  NORROY_RETURN_IF_ERROR(CheckNotNegative("timeout_seconds", config.timeout_seconds()));
  if (config.timeout_seconds() > 0) options.timeout = absl::Seconds(config.timeout_seconds());
  NORROY_RETURN_IF_ERROR(CheckExecHook(options));
  return options;
}

absl::StatusOr<DelegatedZoneOptions> ReadDelegatedZone(const cv1::DelegatedZoneConfig& config) {
  DelegatedZoneOptions options;
  NORROY_ASSIGN_OR_RETURN(options.zone, ReadName("zone", config.zone()));
  options.listen.assign(config.listen().begin(), config.listen().end());
  for (const std::string& text : config.name_servers()) {
    NORROY_ASSIGN_OR_RETURN(dns::Name host, ReadName("name_servers", text));
    options.name_servers.push_back(std::move(host));
  }
  NORROY_RETURN_IF_ERROR(CheckNotNegative("responses_per_second", config.responses_per_second()));
  if (config.responses_per_second() > 0) {
    options.responses_per_second = config.responses_per_second();
  }
  DelegatedZoneOptions checked = options;
  checked.listen = WithoutNames(options.listen);
  NORROY_RETURN_IF_ERROR(DelegatedZone::Check(checked));
  return options;
}

// A presenter is called by its first zone, in the journal too.
template <typename Options>
absl::Status CheckFirstZones(absl::string_view section, const std::vector<Options>& all) {
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (all[i].zones[0] != all[j].zones[0]) continue;
      return BadConfig(absl::StrCat(section, "[", j, "] and [", i, "] both begin their zones with ",
                                    all[i].zones[0].text(),
                                    ": each must begin with another one, which it is called by"));
    }
  }
  return absl::OkStatus();
}

// Reads a list of sections; errors say which.
template <typename Options, typename Configs, typename Read>
absl::Status ReadAll(absl::string_view section, const Configs& configs, const Read& read,
                     std::vector<Options>& all) {
  for (const auto& config : configs) {
    auto options = read(config);
    if (!options.ok()) {
      return WithContext(options.status(), absl::StrCat(section, "[", all.size(), "]"));
    }
    all.push_back(*std::move(options));
  }
  return CheckFirstZones(section, all);
}

}  // namespace

absl::Status ReadDns(const cv1::AgentConfig& config, const std::string& path, Settings& settings) {
  // To check with: it opens nothing before it is asked.
  const std::unique_ptr<dns::Client> client = dns::MakeClient();
  if (config.has_delegated_zone()) {
    auto options = ReadDelegatedZone(config.delegated_zone());
    if (!options.ok()) return WithContext(options.status(), "delegated_zone");
    settings.delegated_zone = *std::move(options);
  }
  NORROY_RETURN_IF_ERROR(ReadAll(
      "rfc2136", config.rfc2136(),
      [&](const cv1::Rfc2136Config& one) { return ReadRfc2136(one, path, *client); },
      settings.rfc2136));
  NORROY_RETURN_IF_ERROR(ReadAll(
      "powerdns", config.powerdns(),
      [&](const cv1::PowerdnsConfig& one) { return ReadPowerdns(one, path); }, settings.powerdns));
  NORROY_RETURN_IF_ERROR(
      ReadAll("exec_hook", config.exec_hook(), ReadExecHook, settings.exec_hooks));
  // The host's own resolvers are read only if they are needed.
  if (!settings.answers_dns() && config.dns().resolvers().empty()) return absl::OkStatus();
  auto resolvers =
      dns::ResolversFrom({config.dns().resolvers().begin(), config.dns().resolvers().end()});
  if (!resolvers.ok()) return WithContext(resolvers.status(), "dns.resolvers");
  settings.resolvers = *std::move(resolvers);
  return absl::OkStatus();
}

}  // namespace norroy::agent
