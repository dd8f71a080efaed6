#include "issuer/keys/ca_settings.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/dns/name.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/status_macros.h"

namespace norroy::keys {
namespace {

using config::v1::CaConfig;

constexpr int kMaxCas = 32;
constexpr int kMaxContacts = 2;
constexpr size_t kMaxContact = 256;
constexpr size_t kMaxEabKid = 256;
// 400 days: longer than any authorization lives.
constexpr int kMaxReuseHours = 9600;
constexpr int kMaxCaaIdentities = 16;
constexpr int kMaxFailOver = 8;
constexpr int kMaxLimitCount = 1'000'000;
constexpr int kMaxLimitMinutes = 366 * 24 * 60;

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

absl::Status CheckContacts(const CaConfig& ca) {
  if (ca.contacts_size() > kMaxContacts) {
    return BadConfig(absl::StrCat("contacts: at most ", kMaxContacts, " are allowed"));
  }
  for (int i = 0; i < ca.contacts_size(); ++i) {
    const std::string& contact = ca.contacts(i);
    // RFC 8555 7.3: one address, no header fields.
    const bool one_mail = absl::StartsWith(contact, "mailto:") && absl::StrContains(contact, "@") &&
                          contact.find_first_of("?,% ") == std::string::npos;
    if (!one_mail || contact.size() > kMaxContact || Printable(contact) != contact) {
      return BadConfig(absl::StrCat("contacts[", i, "]: \"", Printable(contact),
                                    "\" must be \"mailto:\" and one address"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEab(const CaConfig& ca) {
  if (ca.eab_kid().empty() != ca.eab_key_file().empty()) {
    return BadConfig("eab_kid and eab_key_file belong together: give both or none");
  }
  if (ca.eab_kid().size() > kMaxEabKid || Printable(ca.eab_kid()) != ca.eab_kid()) {
    return BadConfig(absl::StrCat("eab_kid must be printable and at most ", kMaxEabKid, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status CheckCaaIdentities(const CaConfig& ca) {
  if (ca.caa_identities_size() > kMaxCaaIdentities) {
    return BadConfig(absl::StrCat("caa_identities: ", ca.caa_identities_size(), ", at most ",
                                  kMaxCaaIdentities));
  }
  for (const std::string& identity : ca.caa_identities()) {
    const auto name = dns::Name::Parse(identity);
    if (!name.ok()) return BadConfig(absl::StrCat("caa_identities: ", name.status().message()));
  }
  return absl::OkStatus();
}

absl::Status CheckUrls(const CaConfig& ca) {
  const std::vector<std::string> hosts(ca.extra_hosts().begin(), ca.extra_hosts().end());
  const absl::Status urls = acme::UrlPolicy::Make(ca.directory_url(), hosts).status();
  if (!urls.ok()) return BadConfig(absl::StrCat("directory_url: ", urls.message()));
  if (!ca.proxy().empty() && !absl::StartsWith(ca.proxy(), "http://")) {
    return BadConfig("proxy must be \"http://host:port\"");
  }
  return absl::OkStatus();
}

std::string Resolve(const std::string& config_path, const std::string& path) {
  return path.empty() ? "" : config::ResolvePath(config_path, path);
}

absl::Status ReadReuse(const CaConfig& ca, CaSettings& settings) {
  for (const config::v1::AuthorizationReuseConfig& reuse : ca.authorization_reuse()) {
    if (reuse.hours() < 1 || reuse.hours() > kMaxReuseHours) {
      return BadConfig(absl::StrCat("authorization_reuse: hours is ", reuse.hours(),
                                    "; it must be 1 to ", kMaxReuseHours));
    }
    if (!settings.authorization_reuse.emplace(reuse.profile(), absl::Hours(reuse.hours())).second) {
      return BadConfig(absl::StrCat("authorization_reuse: profile \"",
                                    Printable(reuse.profile(), 64), "\" is there twice"));
    }
  }
  return absl::OkStatus();
}

// One that is not configured stays as published.
absl::Status ReadLimit(const std::string& field, const config::v1::RateLimitConfig& config,
                       std::optional<limits::Published>& limit) {
  if (config.count() < 1 || config.count() > kMaxLimitCount) {
    return BadConfig(absl::StrCat("limits.", field, ".count is ", config.count(),
                                  "; it must be 1 to ", kMaxLimitCount));
  }
  if (config.per_minutes() < 1 || config.per_minutes() > kMaxLimitMinutes) {
    return BadConfig(absl::StrCat("limits.", field, ".per_minutes is ", config.per_minutes(),
                                  "; it must be 1 to ", kMaxLimitMinutes));
  }
  limit = limits::Published{config.count(), absl::Minutes(config.per_minutes())};
  return absl::OkStatus();
}

absl::Status ReadLimits(const CaConfig& ca, CaSettings& settings) {
  settings.limits = limits::PublishedBy(ca.directory_url());
  const config::v1::CaLimitsConfig& config = ca.limits();
  if (config.has_new_orders_per_account()) {
    NORROY_RETURN_IF_ERROR(ReadLimit("new_orders_per_account", config.new_orders_per_account(),
                                     settings.limits.new_orders_per_account));
  }
  if (config.has_certificates_per_domain()) {
    NORROY_RETURN_IF_ERROR(ReadLimit("certificates_per_domain", config.certificates_per_domain(),
                                     settings.limits.certificates_per_domain));
  }
  return absl::OkStatus();
}

// Other CAs of the configuration, each once.
absl::Status CheckFailOver(const config::v1::IssuerConfig& config, const CaConfig& ca) {
  if (ca.fail_over_size() > kMaxFailOver) {
    return BadConfig(absl::StrCat("fail_over: at most ", kMaxFailOver, " are allowed"));
  }
  std::set<std::string> seen = {ca.name()};
  for (int i = 0; i < ca.fail_over_size(); ++i) {
    const std::string& next = ca.fail_over(i);
    const bool known = std::any_of(config.cas().begin(), config.cas().end(),
                                   [&](const CaConfig& other) { return other.name() == next; });
    if (!known) {
      return BadConfig(absl::StrCat("fail_over[", i, "]: \"", Printable(next, 64),
                                    "\" is the name of no CA in cas"));
    }
    if (!seen.insert(next).second) {
      return BadConfig(absl::StrCat("fail_over[", i, "]: \"", next,
                                    "\" is the CA itself, or stands there twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CaSettings> ReadOne(const CaConfig& ca, const std::string& pkcs11_module,
                                   const std::string& config_path) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("name", ca.name()));
  NORROY_RETURN_IF_ERROR(CheckUrls(ca));
  NORROY_RETURN_IF_ERROR(CheckContacts(ca));
  NORROY_RETURN_IF_ERROR(CheckEab(ca));
  NORROY_RETURN_IF_ERROR(CheckCaaIdentities(ca));
  CaSettings settings;
  settings.name = ca.name();
  settings.acme.directory_url = ca.directory_url();
  settings.acme.extra_hosts.assign(ca.extra_hosts().begin(), ca.extra_hosts().end());
  settings.acme.caa_identities.assign(ca.caa_identities().begin(), ca.caa_identities().end());
  settings.http.root_file = Resolve(config_path, ca.root_file());
  settings.http.proxy = ca.proxy();
  settings.http.bind_address = ca.bind_address();
  NORROY_RETURN_IF_ERROR(ReadReuse(ca, settings));
  NORROY_RETURN_IF_ERROR(ReadLimits(ca, settings));
  settings.contacts.assign(ca.contacts().begin(), ca.contacts().end());
  settings.agree_tos = ca.agree_tos();
  settings.fail_over.assign(ca.fail_over().begin(), ca.fail_over().end());
  settings.eab_kid = ca.eab_kid();
  settings.eab_key_file = Resolve(config_path, ca.eab_key_file());
  if (ca.has_account_key()) {
    absl::StatusOr<KeyLocation> key = ReadKeyConfig(ca.account_key(), pkcs11_module, config_path);
    if (!key.ok()) return WithContext(key.status(), "account_key");
    settings.account_key = *std::move(key);
  }
  if (ca.has_next_account_key()) {
    absl::StatusOr<KeyLocation> key =
        ReadKeyConfig(ca.next_account_key(), pkcs11_module, config_path);
    if (!key.ok()) return WithContext(key.status(), "next_account_key");
    settings.next_account_key = *std::move(key);
  }
  return settings;
}

}  // namespace

absl::StatusOr<std::vector<CaSettings>> ReadCaSettings(const config::v1::IssuerConfig& config,
                                                       const std::string& config_path) {
  if (config.cas().empty()) return BadConfig("cas is empty: name at least one CA");
  if (config.cas_size() > kMaxCas) {
    return BadConfig(absl::StrCat("cas: at most ", kMaxCas, " are allowed"));
  }
  std::vector<CaSettings> all;
  std::set<std::string> names;
  for (int i = 0; i < config.cas_size(); ++i) {
    absl::StatusOr<CaSettings> settings =
        ReadOne(config.cas(i), config.pkcs11_module(), config_path);
    if (!settings.ok()) return WithContext(settings.status(), absl::StrCat("cas[", i, "]"));
    const absl::Status next = CheckFailOver(config, config.cas(i));
    if (!next.ok()) return WithContext(next, absl::StrCat("cas[", i, "]"));
    if (!names.insert(settings->name).second) {
      return BadConfig(
          absl::StrCat("cas[", i, "].name: \"", settings->name, "\" stands there twice"));
    }
    all.push_back(*std::move(settings));
  }
  return all;
}

}  // namespace norroy::keys
