#include "issuer/keys/account.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/secret.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/keys/eab_key.h"

namespace norroy::keys {
namespace {

using store::AccountRecord;

constexpr absl::Duration kLookEvery = absl::Seconds(2);

absl::Status Precondition(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, message);
}

}  // namespace

// The stored account, or an unregistered one. An account at another directory than the
// configuration's is another CA's.
absl::StatusOr<AccountRecord> Account::ReadRecord() {
  AccountRecord fresh;
  fresh.ca = settings_.name;
  fresh.directory_url = settings_.acme.directory_url;
  fresh.contacts = settings_.contacts;
  fresh.eab_kid = settings_.eab_kid;
  absl::StatusOr<AccountRecord> stored = options_.store.GetAccount(settings_.name);
  if (absl::IsNotFound(stored.status())) return fresh;
  NORROY_RETURN_IF_ERROR(stored.status());
  if (stored->directory_url != settings_.acme.directory_url) {
    log::Warning("keys", "the CA's directory changed: its account must be registered anew",
                 {{"ca", settings_.name},
                  {"was", stored->directory_url},
                  {"is", settings_.acme.directory_url}});
    return fresh;
  }
  return stored;
}

absl::Status Account::OpenClient() {
  NORROY_ASSIGN_OR_RETURN(http_, options_.new_http(settings_));
  signers_.push_back(files_->current());
  NORROY_ASSIGN_OR_RETURN(std::unique_ptr<acme::Client> client,
                          acme::Client::Make(settings_.acme, *http_, *files_->current(),
                                             options_.clock, options_.random));
  client_ = std::make_unique<AccountClient>(std::move(client), ca(), options_.clock);
  return absl::OkStatus();
}

// The store knows the account by a key that is not there: it may be older than the keys. What the
// CA says of a key counts.
absl::Status Account::Reconcile() {
  AccountRecord known = record();
  const absl::Status lost = Precondition(
      "ACCOUNT_KEY_LOST",
      absl::StrCat("the key ", files_->where(), " (", files_->current()->public_key().thumbprint(),
                   ") is not that of the account ", known.url, " (", known.key_thumbprint,
                   "), and the CA does not say that it is: put the right one back"));
  for (const bool next : {false, true}) {
    const std::shared_ptr<crypto::Signer> signer = next ? files_->next() : files_->current();
    if (signer == nullptr) continue;
    const absl::StatusOr<std::string> url = AccountOf(*signer);
    if (!url.ok() || *url != known.url) continue;
    known.key_thumbprint = signer->public_key().thumbprint();
    log::Warning("keys", "the store knew the account by an older key; the CA knows it by this one",
                 {{"ca", ca()}, {"key_thumbprint", known.key_thumbprint}});
    NORROY_RETURN_IF_ERROR(Store(known).status());
    if (!next) return absl::OkStatus();
    NORROY_RETURN_IF_ERROR(files_->Finish());
    signers_.push_back(files_->current());
    client_->UseKey(*files_->current());
    return absl::OkStatus();
  }
  return lost;
}

absl::StatusOr<std::unique_ptr<Account>> Account::Open(const CaSettings& settings,
                                                       const AccountsOptions& options) {
  auto account = std::unique_ptr<Account>(new Account(settings, options));
  MutexLock opening(&account->changing_);
  NORROY_ASSIGN_OR_RETURN(AccountRecord record, account->ReadRecord());
  // The key is on disk before any CA hears of it: whatever happens later, the same key finds the
  // same account (RFC 8555 7.3.1).
  NORROY_ASSIGN_OR_RETURN(KeyFiles files,
                          KeyFiles::Open(account->settings_, options.keys_dir,
                                         record.url.empty() ? "" : record.key_thumbprint));
  if (!files.advice().empty()) {
    log::Warning("keys", "the configuration names an old key", {{"do", files.advice()}});
  }
  account->files_ = std::make_unique<KeyFiles>(std::move(files));
  NORROY_RETURN_IF_ERROR(account->OpenClient());
  const std::string thumbprint = account->files_->current()->public_key().thumbprint();
  const bool known = record.key_thumbprint == thumbprint;
  {
    MutexLock lock(&account->mutex_);
    account->record_ = record;
    account->unsettled_ = !record.url.empty() && known && account->files_->changing();
  }
  if (record.url.empty()) {
    record.key_thumbprint = thumbprint;
    NORROY_RETURN_IF_ERROR(account->Store(record).status());
    return account;
  }
  account->client_->SetAccountUrl(record.url);
  if (!known) NORROY_RETURN_IF_ERROR(account->Reconcile());
  if (account->files_->changing()) {
    log::Warning("keys", "a key change was cut short; the CA will be asked how it ended",
                 {{"ca", settings.name}});
  }
  return account;
}

AccountRecord Account::record() {
  MutexLock lock(&mutex_);
  return record_;
}

absl::StatusOr<AccountRecord> Account::Store(AccountRecord record) {
  // Between our reading of it and now another issuer may have stored its own.
  NORROY_RETURN_IF_ERROR(options_.store.PutAccount(record, this->record().key_thumbprint));
  MutexLock lock(&mutex_);
  record_ = std::move(record);
  return record_;
}

absl::Status Account::CheckUsable() {
  const AccountRecord known = record();
  if (known.url.empty()) {
    return Precondition("NO_ACCOUNT",
                        absl::StrCat("there is no account at CA ", ca(),
                                     " yet; register one: norroy account create ", ca(),
                                     " --agree-tos (or agree_tos: true in the configuration, for "
                                     "the next start)"));
  }
  if (known.status != "valid") {
    return Precondition("ACCOUNT_NOT_VALID",
                        absl::StrCat("the account ", known.url, " at CA ", ca(), " is ",
                                     Printable(known.status, 32)));
  }
  return absl::OkStatus();
}

// Another issuer on the database may have registered the account, or asked the CA how it is.
void Account::LookAtStore() {
  {
    MutexLock lock(&mutex_);
    const absl::Duration now = options_.clock.Monotonic();
    if (now < next_look_) return;
    next_look_ = now + kLookEvery;
  }
  const absl::StatusOr<AccountRecord> stored = options_.store.GetAccount(settings_.name);
  if (!stored.ok() || stored->url.empty()) return;
  MutexLock lock(&mutex_);
  if (stored->directory_url != record_.directory_url ||
      stored->key_thumbprint != record_.key_thumbprint) {
    return;
  }
  if (stored->url != record_.url) client_->SetAccountUrl(stored->url);
  record_ = *stored;
}

absl::StatusOr<acme::Client*> Account::Client() {
  LookAtStore();
  NORROY_RETURN_IF_ERROR(CheckUsable());
  bool settle = false;
  {
    MutexLock lock(&mutex_);
    settle = unsettled_;
    if (settle && options_.clock.Monotonic() < next_try_) return why_unsettled_;
  }
  if (settle) {
    MutexLock changing(&changing_);
    NORROY_RETURN_IF_ERROR(Settle());
  }
  return client_.get();
}

absl::StatusOr<acme::Account> Account::AskToRegister(const acme::Directory& directory,
                                                     bool agree_tos) {
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
  MutexLock changing(&changing_);
  NORROY_RETURN_IF_ERROR(Settle());
  NORROY_ASSIGN_OR_RETURN(const acme::Directory directory, client_->GetDirectory());
  if (directory.external_account_required && settings_.eab_kid.empty() && agree_tos) {
    return Precondition("EAB_REQUIRED",
                        absl::StrCat("CA ", ca(),
                                     " wants an external account binding: get a key "
                                     "id and an HMAC key from it and configure "
                                     "eab_kid and eab_key_file"));
  }
  NORROY_FAILPOINT("issuer.account_wanted");
  NORROY_ASSIGN_OR_RETURN(const acme::Account account, AskToRegister(directory, agree_tos));
  NORROY_FAILPOINT("issuer.account_made");
  AccountRecord known = record();
  if (known.url != account.url) known.create_time = options_.clock.Now();
  known.url = account.url;
  known.status = account.status;
  known.contacts = account.contacts;
  known.eab_kid = settings_.eab_kid;
  known.terms_of_service = directory.terms_of_service;
  NORROY_ASSIGN_OR_RETURN(known, Store(known));
  client_->SetAccountUrl(known.url);
  // What waited for somebody to see to the account need not wait any more.
  NORROY_RETURN_IF_ERROR(options_.store.LiftHold(store::CaScope(ca())));
  return known;
}

absl::StatusOr<AccountRecord> Account::Update() {
  MutexLock changing(&changing_);
  NORROY_RETURN_IF_ERROR(CheckUsable());
  NORROY_RETURN_IF_ERROR(Settle());
  NORROY_ASSIGN_OR_RETURN(const acme::Account account, client_->UpdateAccount(settings_.contacts));
  AccountRecord known = record();
  known.status = account.status;
  known.contacts = account.contacts;
  NORROY_RETURN_IF_ERROR(options_.store.LiftHold(store::CaScope(ca())));
  return Store(known);
}

}  // namespace norroy::keys
