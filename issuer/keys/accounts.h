#ifndef NORROY_ISSUER_KEYS_ACCOUNTS_H_
#define NORROY_ISSUER_KEYS_ACCOUNTS_H_

// The issuer's accounts at the CAs of its configuration: one key file, one HTTP client, one
// acme::Client each.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "issuer/acme/client.h"
#include "issuer/store/store.h"

namespace norroy::keys {

// Thread-safe.
class Accounts {
 public:
  virtual ~Accounts() = default;

  // Of the configuration, in its order; the first is the default.
  virtual std::vector<std::string> cas() const = 0;
  // The client for orders. NOT_FOUND (reason CA_UNKNOWN, naming those there are);
  // FAILED_PRECONDITION (reason NO_ACCOUNT, saying how to register).
  virtual absl::StatusOr<acme::Client*> ClientFor(absl::string_view ca) = 0;
  // Registers, or finds the account that the key has (RFC 8555 7.3, 7.3.1), and stores it.
  // FAILED_PRECONDITION (reason TOS_NOT_AGREED, with the terms' URL) unless `agree_tos`.
  virtual absl::StatusOr<store::AccountRecord> Register(absl::string_view ca, bool agree_tos) = 0;
};

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_ACCOUNTS_H_
