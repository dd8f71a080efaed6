#include "issuer/keys/accounts.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/secret.h"
#include "common/crypto/signer.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"
#include "issuer/keys/eab_key.h"
#include "issuer/keys/key_location.h"

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

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// One CA: its key, its connection and its account.
class Account {
 public:
  static absl::StatusOr<std::unique_ptr<Account>> Open(const CaSettings& settings,
                                                       const AccountsOptions& options);

  const std::string& ca() const { return settings_.name; }
  absl::StatusOr<acme::Client*> Client();
  absl::StatusOr<AccountRecord> Register(bool agree_tos);

 private:
  Account(CaSettings settings, store::Store& store, Clock& clock)
      : settings_(std::move(settings)), store_(store), clock_(clock) {}

  absl::StatusOr<AccountRecord> ReadRecord(bool key_exists);
  absl::Status TakeKey(const std::string& path);
  absl::StatusOr<acme::Account> AskCa(const acme::Directory& directory, bool agree_tos);

  const CaSettings settings_;
  store::Store& store_;
  Clock& clock_;
  std::shared_ptr<crypto::Signer> signer_;
  std::unique_ptr<http::Client> http_;
  std::unique_ptr<acme::Client> client_;
  // One registration at a time.
  Mutex registering_;
  Mutex mutex_;
  AccountRecord record_ ABSL_GUARDED_BY(mutex_);
};

// `path` is of the key in keys_dir.
absl::Status Account::TakeKey(const std::string& path) {
  signer_ = settings_.account_signer;
  if (signer_ != nullptr) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<crypto::Signer>> signer =
      settings_.account_key.has_value() ? OpenKey(*settings_.account_key)
      : Exists(path)                    ? crypto::OpenFileSigner(path)
                                        : crypto::CreateFileSigner(path);
  if (!signer.ok()) return WithContext(signer.status(), "account key");
  signer_ = *std::move(signer);
  return absl::OkStatus();
}

// The stored account, or an unregistered one. An account at another directory than the
// configuration's is another CA's.
absl::StatusOr<AccountRecord> Account::ReadRecord(bool key_exists) {
  AccountRecord fresh;
  fresh.ca = settings_.name;
  fresh.directory_url = settings_.acme.directory_url;
  fresh.contacts = settings_.contacts;
  fresh.eab_kid = settings_.eab_kid;
  absl::StatusOr<AccountRecord> stored = store_.GetAccount(settings_.name);
  if (absl::IsNotFound(stored.status())) return fresh;
  NORROY_RETURN_IF_ERROR(stored.status());
  if (stored->directory_url != settings_.acme.directory_url) {
    log::Warning("keys", "the CA's directory changed: its account must be registered anew",
                 {{"ca", settings_.name},
                  {"was", stored->directory_url},
                  {"is", settings_.acme.directory_url}});
    return fresh;
  }
  if (!stored->url.empty() && !key_exists) {
    return Precondition("ACCOUNT_KEY_LOST",
                        absl::StrCat("CA ", settings_.name, " has the account ", stored->url,
                                     ", whose key file is gone: put it back"));
  }
  return stored;
}

absl::StatusOr<std::unique_ptr<Account>> Account::Open(const CaSettings& settings,
                                                       const AccountsOptions& options) {
  auto account = std::unique_ptr<Account>(new Account(settings, options.store, options.clock));
  const std::string path = absl::StrCat(options.keys_dir, "/account-", settings.name, ".pem");
  const bool configured = settings.account_key.has_value();
  NORROY_ASSIGN_OR_RETURN(AccountRecord record, account->ReadRecord(configured || Exists(path)));
  // The key is on disk before any CA hears of it: whatever happens later, the same key finds the
  // same account (RFC 8555 7.3.1).
  NORROY_RETURN_IF_ERROR(account->TakeKey(path));
  const std::string thumbprint = account->signer_->public_key().thumbprint();
  if (!record.url.empty() && record.key_thumbprint != thumbprint) {
    return Precondition("ACCOUNT_KEY_LOST",
                        absl::StrCat("the key ", configured ? settings.account_key->text() : path,
                                     " (", thumbprint, ") is not that of the account ", record.url,
                                     " (", record.key_thumbprint, "): put the right one back"));
  }
  if (record.key_thumbprint != thumbprint || record.url.empty()) {
    record.key_thumbprint = thumbprint;
    NORROY_RETURN_IF_ERROR(options.store.PutAccount(record));
  }
  NORROY_ASSIGN_OR_RETURN(account->http_, options.new_http(settings));
  NORROY_ASSIGN_OR_RETURN(account->client_,
                          acme::Client::Make(settings.acme, *account->http_, *account->signer_,
                                             options.clock, options.random));
  if (!record.url.empty()) account->client_->SetAccountUrl(record.url);
  MutexLock lock(&account->mutex_);
  account->record_ = std::move(record);
  return account;
}

absl::StatusOr<acme::Client*> Account::Client() {
  MutexLock lock(&mutex_);
  if (record_.url.empty()) {
    return Precondition("NO_ACCOUNT",
                        absl::StrCat("there is no account at CA ", ca(),
                                     " yet; register one: norroy account create ", ca(),
                                     " --agree-tos (or agree_tos: true in the configuration, for "
                                     "the next start)"));
  }
  if (record_.status != "valid") {
    return Precondition("ACCOUNT_NOT_VALID",
                        absl::StrCat("the account ", record_.url, " at CA ", ca(), " is ",
                                     Printable(record_.status, 32)));
  }
  return client_.get();
}

absl::StatusOr<acme::Account> Account::AskCa(const acme::Directory& directory, bool agree_tos) {
  acme::NewAccount request;
  request.contacts = settings_.contacts;
  request.terms_of_service_agreed = agree_tos;
  request.only_return_existing = !agree_tos;
  std::optional<acme::ExternalAccount> external;
  if (!settings_.eab_kid.empty() && agree_tos) {
    NORROY_ASSIGN_OR_RETURN(crypto::Secret key, ReadEabKey(settings_.eab_key_file));
    external = acme::ExternalAccount{settings_.eab_kid, std::move(key)};
    request.external_account = &*external;
  }
  absl::StatusOr<acme::Account> account = client_->CreateAccount(request);
  if (account.ok() || agree_tos ||
      ErrorMetadataOf(account.status())["acme_type"] != "accountDoesNotExist") {
    return account;
  }
  return Precondition(
      "TOS_NOT_AGREED",
      absl::StrCat(
          "CA ", ca(), " has no account for this key yet; read its terms of service (",
          directory.terms_of_service.empty() ? "it names none" : directory.terms_of_service,
          ") and agree: norroy account create ", ca(), " --agree-tos"));
}

absl::StatusOr<AccountRecord> Account::Register(bool agree_tos) {
  MutexLock registering(&registering_);
  NORROY_ASSIGN_OR_RETURN(const acme::Directory directory, client_->GetDirectory());
  if (directory.external_account_required && settings_.eab_kid.empty() && agree_tos) {
    return Precondition("EAB_REQUIRED",
                        absl::StrCat("CA ", ca(),
                                     " wants an external account binding: get a key "
                                     "id and an HMAC key from it and configure "
                                     "eab_kid and eab_key_file"));
  }
  NORROY_ASSIGN_OR_RETURN(const acme::Account account, AskCa(directory, agree_tos));
  AccountRecord record;
  {
    MutexLock lock(&mutex_);
    record = record_;
  }
  if (record.url != account.url) record.create_time = clock_.Now();
  record.url = account.url;
  record.status = account.status;
  record.contacts = account.contacts;
  record.eab_kid = settings_.eab_kid;
  record.terms_of_service = directory.terms_of_service;
  NORROY_RETURN_IF_ERROR(store_.PutAccount(record));
  client_->SetAccountUrl(record.url);
  MutexLock lock(&mutex_);
  record_ = record;
  return record;
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
