#include "issuer/keys/accounts.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/keys/account.h"

namespace norroy::keys {
namespace {

using store::AccountRecord;

absl::Status Precondition(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, message);
}

absl::Status PrepareKeysDir(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Precondition("KEYS_DIR", absl::StrCat("keys_dir ", path, ": ", strerror(errno)));
  }
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return Precondition("KEYS_DIR", absl::StrCat("keys_dir ", path, " is no directory"));
  }
  if ((info.st_mode & 077) != 0) {
    return Precondition("KEYS_DIR",
                        absl::StrCat("keys_dir ", path, " can be read by others; chmod 0700 it"));
  }
  return absl::OkStatus();
}

absl::Status Fixed(absl::string_view ca) {
  return Precondition("FIXED_ACCOUNT", absl::StrCat("the account at ", ca, " is what it is"));
}

class ConfiguredAccounts final : public Accounts {
 public:
  explicit ConfiguredAccounts(std::vector<std::unique_ptr<Account>> accounts)
      : accounts_(std::move(accounts)) {}

  std::vector<std::string> cas() const override {
    std::vector<std::string> names;
    for (const auto& account : accounts_) names.push_back(account->ca());
    return names;
  }

  absl::StatusOr<acme::Client*> ClientFor(absl::string_view ca) override {
    NORROY_ASSIGN_OR_RETURN(Account* const account, Find(ca));
    return account->Client();
  }

  absl::StatusOr<AccountRecord> Register(absl::string_view ca, bool agree_tos) override {
    NORROY_ASSIGN_OR_RETURN(Account* const account, Find(ca));
    return account->Register(agree_tos);
  }

  absl::StatusOr<AccountRecord> Update(absl::string_view ca) override {
    NORROY_ASSIGN_OR_RETURN(Account* const account, Find(ca));
    return account->Update();
  }

  absl::StatusOr<AccountRecord> ChangeKey(absl::string_view ca) override {
    NORROY_ASSIGN_OR_RETURN(Account* const account, Find(ca));
    return account->ChangeKey();
  }

 private:
  absl::StatusOr<Account*> Find(absl::string_view ca) const {
    for (const auto& account : accounts_) {
      if (account->ca() == ca) return account.get();
    }
    return MakeError(absl::StatusCode::kNotFound, "CA_UNKNOWN",
                     absl::StrCat("there is no CA \"", Printable(ca, 64), "\"; the issuer knows ",
                                  absl::StrJoin(cas(), ", ")));
  }

  const std::vector<std::unique_ptr<Account>> accounts_;
};

}  // namespace

absl::StatusOr<AccountRecord> Accounts::Update(absl::string_view ca) { return Fixed(ca); }
absl::StatusOr<AccountRecord> Accounts::ChangeKey(absl::string_view ca) { return Fixed(ca); }

absl::StatusOr<std::unique_ptr<Accounts>> MakeAccounts(const AccountsOptions& options) {
  NORROY_RETURN_IF_ERROR(PrepareKeysDir(options.keys_dir));
  std::vector<std::unique_ptr<Account>> accounts;
  for (const CaSettings& settings : options.cas) {
    absl::StatusOr<std::unique_ptr<Account>> account = Account::Open(settings, options);
    if (!account.ok()) return WithContext(account.status(), absl::StrCat("CA ", settings.name));
    accounts.push_back(*std::move(account));
  }
  return std::make_unique<ConfiguredAccounts>(std::move(accounts));
}

}  // namespace norroy::keys
