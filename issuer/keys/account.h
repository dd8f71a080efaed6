#ifndef NORROY_ISSUER_KEYS_ACCOUNT_H_
#define NORROY_ISSUER_KEYS_ACCOUNT_H_

// One CA's account: its keys, its connection, its record in the store. accounts.h says what the
// calls promise.
//
// A change of the key (RFC 8555 7.3.5) goes like this, and may be cut short anywhere:
//
//   1. no challenge is answered any more, and those that were get their verdicts
//   2. the new key is on the disk (key_files.h)
//   3. requests are held; the CA is told
//   4. the store knows the new key's thumbprint
//   5. the new key lies where the old one lay
//
// After 4 the store tells which key counts. Between 2 and 4 only the CA does: it is asked by the
// new key, then by the old one (RFC 8555 7.3.1), before the account is used for anything else.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/http/client.h"
#include "common/sync/mutex.h"
#include "issuer/keys/account_client.h"
#include "issuer/keys/accounts.h"
#include "issuer/keys/ca_settings.h"
#include "issuer/keys/key_files.h"
#include "issuer/store/store.h"

namespace norroy::keys {

// Thread-safe.
class Account {
 public:
  // The CA is asked only if the store knows the account by another key than those that there are.
  static absl::StatusOr<std::unique_ptr<Account>> Open(const CaSettings& settings,
                                                       const AccountsOptions& options);
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  const std::string& ca() const { return settings_.name; }
  absl::StatusOr<acme::Client*> Client();
  absl::StatusOr<store::AccountRecord> Register(bool agree_tos);
  absl::StatusOr<store::AccountRecord> Update();
  absl::StatusOr<store::AccountRecord> ChangeKey();

 private:
  Account(const CaSettings& settings, const AccountsOptions& options)
      : settings_(settings), options_(options) {}

  // account.cc
  absl::StatusOr<store::AccountRecord> ReadRecord();
  absl::Status OpenClient() ABSL_EXCLUSIVE_LOCKS_REQUIRED(changing_);
  absl::Status Reconcile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(changing_);
  void LookAtStore();
  absl::Status CheckUsable();
  absl::StatusOr<acme::Account> AskToRegister(const acme::Directory& directory, bool agree_tos);
  absl::StatusOr<store::AccountRecord> Store(store::AccountRecord record);
  store::AccountRecord record();

  // key_change.cc
  // The URL of the account that the CA has for this key; empty: none.
  absl::StatusOr<std::string> AccountOf(crypto::Signer& signer);
  absl::Status BringToEnd(bool maybe_sent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(changing_);
  absl::StatusOr<bool> NextKeyCounts() ABSL_EXCLUSIVE_LOCKS_REQUIRED(changing_);
  absl::Status Finish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(changing_);
  absl::Status TakeBack(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(changing_);
  absl::Status Unsettled(const absl::Status& why);
  absl::Status Settle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(changing_);
  absl::Status Step(absl::string_view step);

  const CaSettings settings_;
  const AccountsOptions options_;
  std::unique_ptr<http::Client> http_;
  std::unique_ptr<AccountClient> client_;
  // One registration or change at a time.
  Mutex changing_;
  std::unique_ptr<KeyFiles> files_ ABSL_GUARDED_BY(changing_);
  // Every key that was ever in use: a reader of its thumbprint may be late.
  std::vector<std::shared_ptr<crypto::Signer>> signers_ ABSL_GUARDED_BY(changing_);
  Mutex mutex_;
  store::AccountRecord record_ ABSL_GUARDED_BY(mutex_);
  // A change was cut short: nobody but the CA knows which key counts.
  bool unsettled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status why_unsettled_ ABSL_GUARDED_BY(mutex_);
  absl::Duration next_look_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  absl::Duration next_try_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_ACCOUNT_H_
