#include "issuer/keys/key_location.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/crypto/pkcs11_engine.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::keys {
namespace {

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

absl::Status CheckToken(const KeyLocation& location, int sources) {
  if (sources != 1) {
    return BadConfig(
        "a token's PIN is needed from one place: pin-source in the URI, passphrase_file or "
        "credential");
  }
  // A bare name would be searched for in the folders of libraries.
  if (!absl::StartsWith(location.pkcs11_module, "/")) {
    return BadConfig(
        "a pkcs11: URI needs pkcs11_module, the absolute path of the token's PKCS#11 module "
        "(SoftHSM: /usr/lib/softhsm/libsofthsm2.so)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KeyLocation> ReadKeyConfig(const config::v1::KeyConfig& config,
                                          const std::string& pkcs11_module,
                                          const std::string& config_path) {
  NORROY_ASSIGN_OR_RETURN(crypto::KeyUri uri, crypto::KeyUri::Parse(config.uri()));
  std::string path = config::ResolvePath(config_path, uri.path());
  KeyLocation location{std::move(uri), std::move(path), {}, pkcs11_module};
  location.passphrase.credential = config.credential();
  location.passphrase.file = config::ResolvePath(config_path, config.passphrase_file());
  if (!config.credential().empty()) {
    NORROY_RETURN_IF_ERROR(crypto::CheckCredentialName(config.credential()));
  }
  const std::string& pin_file = location.uri.pin_file();
  const int sources =
      !config.credential().empty() + !config.passphrase_file().empty() + !pin_file.empty();
  if (location.uri.in_token()) {
    NORROY_RETURN_IF_ERROR(CheckToken(location, sources));
    if (!pin_file.empty()) location.passphrase.file = pin_file;
  } else if (sources > 1) {
    return BadConfig("give passphrase_file or credential, not both");
  }
  return location;
}

absl::StatusOr<std::unique_ptr<crypto::Signer>> OpenKey(const KeyLocation& location) {
  if (!location.uri.in_token()) return crypto::OpenFileSigner(location.path, location.passphrase);
  NORROY_ASSIGN_OR_RETURN(const crypto::Secret pin, crypto::ReadPassphrase(location.passphrase));
  return crypto::OpenTokenSigner(location.pkcs11_module, location.uri, pin);
}

}  // namespace norroy::keys
