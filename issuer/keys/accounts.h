#ifndef NORROY_ISSUER_KEYS_ACCOUNTS_H_
#define NORROY_ISSUER_KEYS_ACCOUNTS_H_

// The issuer's accounts at the CAs of its configuration: one key, one HTTP client, one acme::Client
// each.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/http/client.h"
#include "issuer/acme/client.h"
#include "issuer/keys/ca_settings.h"
#include "issuer/store/store.h"

namespace norroy::keys {

// Thread-safe.
class Accounts {
 public:
  virtual ~Accounts() = default;

  // Of the configuration, in its order; the first is the default.
  virtual std::vector<std::string> cas() const = 0;
  // The client for orders. NOT_FOUND (reason CA_UNKNOWN, naming those there are);
  // FAILED_PRECONDITION (reason NO_ACCOUNT, saying how to register; ACCOUNT_NOT_VALID).
  virtual absl::StatusOr<acme::Client*> ClientFor(absl::string_view ca) = 0;
  // Registers, or finds the account that the key has (RFC 8555 7.3, 7.3.1), and stores it.
  // FAILED_PRECONDITION (reason TOS_NOT_AGREED, with the terms' URL) unless `agree_tos` or the key
  // has an account; (reason EAB_REQUIRED) if the CA wants an external account binding and the
  // configuration has none. May block as long as a few requests to the CA.
  virtual absl::StatusOr<store::AccountRecord> Register(absl::string_view ca, bool agree_tos) = 0;
};

struct AccountsOptions {
  std::vector<CaSettings> cas;
  std::string keys_dir;  // made with mode 0700 if it is not there
  store::Store& store;
  Clock& clock;
  crypto::Random& random;
  // What reaches a CA: http::NewCurlClient outside tests.
  std::function<absl::StatusOr<std::unique_ptr<http::Client>>(const CaSettings&)> new_http;
};

// Takes the account keys that are configured (CaSettings, opened here if they are not yet), else
// those in "<keys_dir>/account-<ca>.pem", and makes the latter if they are not there; no CA is
// asked. Refused (FAILED_PRECONDITION, reason ACCOUNT_KEY_LOST): the store has an account whose key
// is not this one, because a new key would silently be another account.
absl::StatusOr<std::unique_ptr<Accounts>> MakeAccounts(const AccountsOptions& options);

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_ACCOUNTS_H_
