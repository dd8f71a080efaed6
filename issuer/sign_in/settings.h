#ifndef NORROY_ISSUER_SIGN_IN_SETTINGS_H_
#define NORROY_ISSUER_SIGN_IN_SETTINGS_H_

// The sign_in part of issuer.yaml, checked as far as it can be without the network.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "issuer/sign_in/oidc_issuer.h"
#include "norroy/config/v1/issuer.pb.h"

namespace norroy::sign_in {

struct OidcSettings {
  OidcIssuerOptions options;
  std::string root_file;  // empty: the system's CAs
};

struct Settings {
  std::vector<std::string> listen;
  std::string ci_ca_file;
  std::string tls_file;
  std::string deployment;
  absl::Duration lifetime;
  std::vector<OidcSettings> oidc;
  int requests_per_minute = 30;
};

// What the rest of the configuration says.
struct Surroundings {
  std::string config_path;
  std::string deployment;
  std::string identity_file;
  std::string core_root_file;
};

// Errors name the field ("sign_in.oidc[0].rules[1].claims") or the file.
absl::StatusOr<Settings> ReadSignIn(const config::v1::SignInConfig& config,
                                    const Surroundings& surroundings, absl::Time now);

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_SETTINGS_H_
