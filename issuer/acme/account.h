#ifndef NORROY_ISSUER_ACME_ACCOUNT_H_
#define NORROY_ISSUER_ACME_ACCOUNT_H_

// The CA's account object (RFC 8555 7.1.2) and external account binding (RFC 8555 7.3.4).

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/secret.h"

namespace norroy::acme {

struct Account {
  std::string url;
  std::string status;  // "valid", "deactivated", "revoked"
  std::vector<std::string> contacts;

  static absl::StatusOr<Account> Parse(absl::string_view json, absl::string_view url);
};

// HS256 over the account's JWK with a key that the CA handed out.
struct ExternalAccount {
  std::string kid;
  crypto::Secret hmac_key;  // raw bytes
};

struct NewAccount {
  std::vector<std::string> contacts;  // "mailto:..."
  bool terms_of_service_agreed = false;
  // RFC 8555 7.3.1: only look whether the key has an account.
  bool only_return_existing = false;
  const ExternalAccount* external_account = nullptr;
};

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_ACCOUNT_H_
