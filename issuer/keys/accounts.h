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
#include "absl/time/time.h"
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
  // Where orders for `ca` may go that it cannot take, best first.
  virtual std::vector<std::string> NextCas(absl::string_view ca) const;
  // The client for orders. NOT_FOUND (reason CA_UNKNOWN, naming those there are);
  // FAILED_PRECONDITION (reason NO_ACCOUNT, saying how to register; ACCOUNT_NOT_VALID);
  // UNAVAILABLE (reason ACCOUNT_KEY_UNSETTLED). Asks the CA if a change of the key was cut short.
  virtual absl::StatusOr<acme::Client*> ClientFor(absl::string_view ca) = 0;
  // Registers, or finds the account that the key has (RFC 8555 7.3, 7.3.1), and stores it.
  // FAILED_PRECONDITION (reason TOS_NOT_AGREED, with the terms' URL) unless `agree_tos` or the key
  // has an account; (reason EAB_REQUIRED) if the CA wants an external account binding and the
  // configuration has none. May block as long as a few requests to the CA.
  virtual absl::StatusOr<store::AccountRecord> Register(absl::string_view ca, bool agree_tos) = 0;
  // Tells the CA the contacts of the configuration (RFC 8555 7.3.2), and stores its answer.
  virtual absl::StatusOr<store::AccountRecord> Update(absl::string_view ca);
  // Puts a new key in the place of the account's (RFC 8555 7.3.5): the next_account_key that is
  // configured, else one made in keys_dir. Waits for the CA's verdicts on what it looks at; a proof
  // that is not being looked at yet is put up anew by the flow. UNAVAILABLE, reason
  // VALIDATIONS_UNDER_WAY: nothing was changed; reason ACCOUNT_KEY_UNSETTLED: it will be brought to
  // its end by the next call that needs the account, in this process or after a restart.
  // FAILED_PRECONDITION: reason NEXT_KEY_MISSING (saying what to configure), ACCOUNT_KEY_TAKEN
  // (another account has the key, naming it), CA_LACKS; and the CA's refusals.
  virtual absl::StatusOr<store::AccountRecord> ChangeKey(absl::string_view ca);
};

// The CA of a request: the default one where `requested` is empty. INVALID_ARGUMENT, reason
// CA_UNKNOWN, field "ca", naming those there are.
absl::StatusOr<std::string> ChooseCa(const Accounts& accounts, const std::string& requested);

struct AccountsOptions {
  std::vector<CaSettings> cas;
  std::string keys_dir;  // made with mode 0700 if it is not there
  store::Store& store;
  Clock& clock;
  crypto::Random& random;
  // What reaches a CA: http::NewCurlClient outside tests.
  std::function<absl::StatusOr<std::unique_ptr<http::Client>>(const CaSettings&)> new_http;
  // How long a change of a key waits for the CA's verdicts.
  absl::Duration verdicts_limit = absl::Seconds(45);
  // How many other issuers use the store now; null: none ever does.
  std::function<int()> other_issuers = nullptr;
  // For tests of crashes: called after each step of a change ("written", "changed", "stored",
  // "filed"); an error ends it there, as a crash would.
  std::function<absl::Status(absl::string_view step)> after_step = nullptr;
};

// Takes the account keys that are configured (CaSettings, opened here if they are not yet), else
// those in "<keys_dir>/account-<ca>.pem", and makes the latter if they are not there. No CA is
// asked unless the store has an account whose key is not this one; refused (FAILED_PRECONDITION,
// reason ACCOUNT_KEY_LOST) if the CA does not say that it is, because a new key would silently be
// another account.
absl::StatusOr<std::unique_ptr<Accounts>> MakeAccounts(const AccountsOptions& options);

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_ACCOUNTS_H_
