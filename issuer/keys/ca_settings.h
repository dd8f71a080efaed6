#ifndef NORROY_ISSUER_KEYS_CA_SETTINGS_H_
#define NORROY_ISSUER_KEYS_CA_SETTINGS_H_

// The `cas:` of the issuer's configuration, checked, with paths resolved.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/crypto/signer.h"
#include "common/http/curl_client.h"
#include "issuer/acme/client.h"
#include "issuer/keys/key_location.h"
#include "issuer/limits/ca_limits.h"
#include "norroy/config/v1/issuer.pb.h"

namespace norroy::keys {

struct CaSettings {
  std::string name;
  acme::ClientOptions acme;
  http::CurlOptions http;  // without user_agent
  std::vector<std::string> contacts;
  bool agree_tos = false;
  std::string eab_kid;       // empty: none
  std::string eab_key_file;  // with eab_kid
  // None: a key made in keys_dir.
  std::optional<KeyLocation> account_key;
  // That key once it is open; null until then.
  std::shared_ptr<crypto::Signer> account_signer;
  // The same of the key that a change of the account's key leads to.
  std::optional<KeyLocation> next_account_key;
  std::shared_ptr<crypto::Signer> next_account_signer;
  // By profile: for how long the CA reuses an authorization, if that is not what it says itself.
  std::map<std::string, absl::Duration> authorization_reuse;
  // Other CAs of the configuration, to which orders go that this one cannot take.
  std::vector<std::string> fail_over;
  // What the CA gives: configured, or as it publishes it.
  limits::CaLimits limits;
};

// INVALID_ARGUMENT, reason BAD_CONFIG, naming cas[i] and the field. Touches no file.
absl::StatusOr<std::vector<CaSettings>> ReadCaSettings(const config::v1::IssuerConfig& config,
                                                       const std::string& config_path);

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_CA_SETTINGS_H_
