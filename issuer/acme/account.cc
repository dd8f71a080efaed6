#include "issuer/acme/account.h"

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/acme/json.h"

namespace norroy::acme {
namespace {

constexpr size_t kMaxContacts = 32;

}  // namespace

absl::StatusOr<Account> Account::Parse(absl::string_view json, absl::string_view url) {
  NORROY_ASSIGN_OR_RETURN(const JsonObject object,
                          JsonObject::Parse(absl::StrCat("account ", url), json));
  Account account;
  account.url = std::string(url);
  NORROY_ASSIGN_OR_RETURN(account.status, object.RequiredString("status"));
  // RFC 8555 7.1.6.
  if (account.status != "valid" && account.status != "deactivated" && account.status != "revoked") {
    return object.Error(absl::StrCat("status \"", Printable(account.status, 64), "\" is unknown"));
  }
  NORROY_ASSIGN_OR_RETURN(account.contacts, object.Strings("contact", kMaxContacts));
  return account;
}

}  // namespace norroy::acme
