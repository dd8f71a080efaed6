#include "issuer/keys/accounts.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
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
  ConfiguredAccounts(std::vector<std::unique_ptr<Account>> accounts,
                     std::map<std::string, std::vector<std::string>, std::less<>> next_cas)
      : accounts_(std::move(accounts)), next_cas_(std::move(next_cas)) {}

  std::vector<std::string> cas() const override {
    std::vector<std::string> names;
    for (const auto& account : accounts_) names.push_back(account->ca());
    return names;
  }

  std::vector<std::string> NextCas(absl::string_view ca) const override {
    const auto found = next_cas_.find(std::string(ca));
    return found == next_cas_.end() ? std::vector<std::string>() : found->second;
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
  const std::map<std::string, std::vector<std::string>, std::less<>> next_cas_;
};

}  // namespace

std::vector<std::string> Accounts::NextCas(absl::string_view) const { return {}; }
absl::StatusOr<AccountRecord> Accounts::Update(absl::string_view ca) { return Fixed(ca); }
absl::StatusOr<AccountRecord> Accounts::ChangeKey(absl::string_view ca) { return Fixed(ca); }

absl::StatusOr<std::string> ChooseCa(const Accounts& accounts, const std::string& requested) {
  const std::vector<std::string> cas = accounts.cas();
  if (requested.empty() && !cas.empty()) return cas.front();
  if (std::find(cas.begin(), cas.end(), requested) != cas.end()) return requested;
  return MakeError(absl::StatusCode::kInvalidArgument, "CA_UNKNOWN",
                   absl::StrCat("ca: there is no CA \"", Printable(requested, 64),
                                "\"; the issuer knows ", absl::StrJoin(cas, ", ")),
                   {{"field", "ca"}});
}

absl::StatusOr<std::unique_ptr<Accounts>> MakeAccounts(const AccountsOptions& options) {
  NORROY_RETURN_IF_ERROR(PrepareKeysDir(options.keys_dir));
  std::vector<std::unique_ptr<Account>> accounts;
  std::map<std::string, std::vector<std::string>, std::less<>> next_cas;
  for (const CaSettings& settings : options.cas) {
    absl::StatusOr<std::unique_ptr<Account>> account = Account::Open(settings, options);
    if (!account.ok()) return WithContext(account.status(), absl::StrCat("CA ", settings.name));
    accounts.push_back(*std::move(account));
    next_cas[settings.name] = settings.fail_over;
  }
  return std::make_unique<ConfiguredAccounts>(std::move(accounts), std::move(next_cas));
}

}  // namespace norroy::keys
