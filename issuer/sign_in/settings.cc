#include "issuer/sign_in/settings.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/daemon/settings.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"
#include "issuer/sign_in/https_server.h"
#include "issuer/sign_in/signing.h"

namespace norroy::sign_in {
namespace {

using daemon::BadConfig;

constexpr int kMaxIssuers = 16;
constexpr size_t kMaxListen = 16;
constexpr int kMaxExtraHosts = 16;
constexpr size_t kMaxAudience = 512;
constexpr int kDefaultPerMinute = 30;
constexpr int kMaxPerMinute = 6000;

absl::StatusOr<std::vector<std::string>> ReadAlgorithms(const config::v1::OidcIssuerConfig& oidc) {
  std::vector<std::string> algorithms(oidc.algorithms().begin(), oidc.algorithms().end());
  if (algorithms.empty()) return std::vector<std::string>{"RS256"};
  for (const std::string& algorithm : algorithms) {
    if (algorithm == "RS256" || algorithm == "ES256") continue;
    return BadConfig(
        absl::StrCat("algorithms: \"", Printable(algorithm, 32), "\" is not one of RS256, ES256"));
  }
  return algorithms;
}

std::vector<ClaimRule> RulesOf(const config::v1::OidcIssuerConfig& oidc) {
  std::vector<ClaimRule> rules;
  for (const config::v1::ClaimRuleConfig& rule : oidc.rules()) {
    rules.push_back({{rule.claims().begin(), rule.claims().end()}, rule.principal()});
  }
  return rules;
}

absl::StatusOr<OidcSettings> ReadOidc(const config::v1::OidcIssuerConfig& oidc,
                                      const std::string& config_path) {
  OidcSettings settings;
  OidcIssuerOptions& options = settings.options;
  options.rules.issuer = oidc.issuer();
  options.rules.audience = oidc.audience();
  if (oidc.audience().empty() || oidc.audience().size() > kMaxAudience) {
    return BadConfig(
        "audience is missing (or longer than 512 bytes): without one, tokens that were made for "
        "others would be taken here");
  }
  NORROY_ASSIGN_OR_RETURN(options.rules.algorithms, ReadAlgorithms(oidc));
  NORROY_ASSIGN_OR_RETURN(options.claims, ClaimRules::Make(oidc.issuer(), RulesOf(oidc)));
  if (oidc.extra_hosts_size() > kMaxExtraHosts) {
    return BadConfig(absl::StrCat("extra_hosts: at most ", kMaxExtraHosts));
  }
  options.jwks_url = oidc.jwks_url();
  options.extra_hosts = {oidc.extra_hosts().begin(), oidc.extra_hosts().end()};
  const absl::Status urls = CheckIssuerUrls(options);
  if (!urls.ok()) return BadConfig(urls.message());
  if (oidc.root_file().empty()) return settings;
  settings.root_file = config::ResolvePath(config_path, oidc.root_file());
  const absl::Status root = daemon::ReadRoot(settings.root_file).status();
  if (!root.ok()) return WithContext(root, "root_file");
  return settings;
}

absl::Status ReadAllOidc(const config::v1::SignInConfig& config, const std::string& config_path,
                         Settings& settings) {
  if (config.oidc_size() > kMaxIssuers)
    return BadConfig(absl::StrCat("oidc: at most ", kMaxIssuers));
  std::set<std::string> names;
  for (int i = 0; i < config.oidc_size(); ++i) {
    const std::string where = absl::StrCat("oidc[", i, "]");
    absl::StatusOr<OidcSettings> oidc = ReadOidc(config.oidc(i), config_path);
    if (!oidc.ok()) return WithContext(oidc.status(), where);
    if (!names.insert(config.oidc(i).issuer()).second) {
      return BadConfig(absl::StrCat(where, ".issuer stands there twice"));
    }
    settings.oidc.push_back(*std::move(oidc));
  }
  return absl::OkStatus();
}

absl::StatusOr<Settings> Read(const config::v1::SignInConfig& config,
                              const Surroundings& surroundings, absl::Time now) {
  const int64_t most = absl::ToInt64Minutes(kMaxClientLifetime);
  Settings settings{.deployment = surroundings.deployment};
  NORROY_ASSIGN_OR_RETURN(
      settings.listen,
      daemon::ReadAddresses("listen", {config.listen().begin(), config.listen().end()}, kMaxListen,
                            0));
  for (size_t i = 0; i < settings.listen.size(); ++i) {
    const absl::Status address = HttpsServer::CheckAddress(settings.listen[i]);
    if (!address.ok()) return WithContext(address, absl::StrCat("listen[", i, "]"));
  }
  if (config.lifetime_minutes() < 0 || config.lifetime_minutes() > most) {
    return BadConfig(absl::StrCat("lifetime_minutes: 1 to ", most, ", or 0 for ", most));
  }
  settings.lifetime = config.lifetime_minutes() == 0 ? kMaxClientLifetime
                                                     : absl::Minutes(config.lifetime_minutes());
  if (config.requests_per_minute() < 0 || config.requests_per_minute() > kMaxPerMinute) {
    return BadConfig(absl::StrCat("requests_per_minute: 1 to ", kMaxPerMinute, ", or 0 for ",
                                  kDefaultPerMinute));
  }
  settings.requests_per_minute =
      config.requests_per_minute() == 0 ? kDefaultPerMinute : config.requests_per_minute();
  NORROY_RETURN_IF_ERROR(ReadAllOidc(config, surroundings.config_path, settings));
  NORROY_ASSIGN_OR_RETURN(
      settings.ci_ca_file,
      daemon::ReadPath("ci_ca_file", surroundings.config_path, config.ci_ca_file()));
  const absl::Status authority = CiAuthority::Check(
      settings.ci_ca_file, surroundings.core_root_file, surroundings.deployment, now);
  if (!authority.ok()) return WithContext(authority, "ci_ca_file");
  settings.tls_file = surroundings.identity_file;
  if (config.tls_file().empty()) return settings;
  settings.tls_file = config::ResolvePath(surroundings.config_path, config.tls_file());
  const absl::Status tls = identity::ReadIdentityFile(settings.tls_file).status();
  if (!tls.ok()) return WithContext(tls, "tls_file");
  return settings;
}

}  // namespace

absl::StatusOr<Settings> ReadSignIn(const config::v1::SignInConfig& config,
                                    const Surroundings& surroundings, absl::Time now) {
  absl::StatusOr<Settings> settings = Read(config, surroundings, now);
  if (!settings.ok()) return WithContext(settings.status(), "sign_in");
  return settings;
}

}  // namespace norroy::sign_in
