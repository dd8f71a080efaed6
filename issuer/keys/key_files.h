#ifndef NORROY_ISSUER_KEYS_KEY_FILES_H_
#define NORROY_ISSUER_KEYS_KEY_FILES_H_

// Where one account's keys lie, and how a new one takes the old one's place without a moment in
// which either could be lost:
//
//   account-<ca>.pem         the key, made here unless cas[].account_key says where it is
//   account-<ca>.next.pem    the next one, until the CA and the store have it
//   account-<ca>.changing    instead of that, where the next one is cas[].next_account_key: its
//                            thumbprint
//   account-<ca>.refused-<thumbprint>.pem   one that did not become the account's; never deleted
//
// Each is of mode 0600 and on the disk, its name too, before the call that makes it returns.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/signer.h"
#include "issuer/keys/ca_settings.h"

namespace norroy::keys {

// Not thread-safe.
class KeyFiles {
 public:
  // Opens what is there. `thumbprint`: of the key that the store knows the account by; empty: there
  // is no account, and a key is made where there is none. FAILED_PRECONDITION, reason
  // ACCOUNT_KEY_LOST: there is an account, and no key at all.
  static absl::StatusOr<KeyFiles> Open(const CaSettings& settings, const std::string& keys_dir,
                                       const std::string& thumbprint);

  // The account's key, as far as the store knows; where the store knows none of those that there
  // are, the one that ought to be.
  const std::shared_ptr<crypto::Signer>& current() const { return current_; }
  // Where that is, for humans.
  const std::string& where() const { return where_; }
  // A change to it may be under way; null where `changing` and the configuration does not name it
  // any more.
  const std::shared_ptr<crypto::Signer>& next() const { return next_; }
  // A change was begun and not brought to its end.
  bool changing() const { return changing_; }
  // What the configuration should say by now; empty: what it says.
  const std::string& advice() const { return advice_; }

  // Begins a change: next() is on the disk afterwards and changing() is true.
  // FAILED_PRECONDITION, reason NEXT_KEY_MISSING, saying what to configure.
  absl::Status Begin();
  // next() is the account's key, and the store knows.
  absl::Status Finish();
  // The account keeps its key.
  absl::Status TakeBack();

 private:
  KeyFiles(const CaSettings& settings, const std::string& keys_dir);

  absl::Status OpenCurrent(bool has_account);
  absl::Status OpenNext();
  // The store knows the account by `thumbprint`: whichever key has it is the current one.
  absl::Status Choose(const std::string& thumbprint);
  absl::Status MakeNext();
  void NextIsCurrent();
  std::string Configured(absl::string_view field) const;

  const CaSettings* settings_;  // of Open's caller, who keeps it
  std::string path_;
  std::string next_path_;
  std::string marker_path_;
  std::shared_ptr<crypto::Signer> current_;
  std::string where_;
  std::shared_ptr<crypto::Signer> next_;
  // Of cas[].next_account_key; may be current_.
  std::shared_ptr<crypto::Signer> configured_next_;
  bool in_file_ = false;    // current_ lies in path_
  bool next_file_ = false;  // next_ lies in next_path_
  bool changing_ = false;
  std::string advice_;
};

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_KEY_FILES_H_
