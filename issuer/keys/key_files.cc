#include "issuer/keys/key_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/file_io.h"
#include "common/crypto/key.h"
#include "common/crypto/secret_file.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::keys {
namespace {

absl::Status Precondition(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, message);
}

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

std::string ThumbprintOf(const std::shared_ptr<crypto::Signer>& signer) {
  return signer == nullptr ? "" : signer->public_key().thumbprint();
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return crypto::FileError("rename", from);
  return crypto::SyncFolderOf(to);
}

absl::Status Remove(const std::string& path) {
  if (!Exists(path)) return absl::OkStatus();
  if (unlink(path.c_str()) != 0) return crypto::FileError("remove", path);
  return crypto::SyncFolderOf(path);
}

}  // namespace

KeyFiles::KeyFiles(const CaSettings& settings, const std::string& keys_dir)
    : settings_(&settings),
      path_(absl::StrCat(keys_dir, "/account-", settings.name, ".pem")),
      next_path_(absl::StrCat(keys_dir, "/account-", settings.name, ".next.pem")),
      marker_path_(absl::StrCat(keys_dir, "/account-", settings.name, ".changing")) {}

std::string KeyFiles::Configured(absl::string_view field) const {
  return absl::StrCat("cas[].", field, " of CA ", settings_->name);
}

absl::Status KeyFiles::OpenCurrent(bool has_account) {
  absl::StatusOr<std::unique_ptr<crypto::Signer>> signer;
  if (settings_->account_signer != nullptr) {
    current_ = settings_->account_signer;
    where_ = settings_->account_key.has_value() ? settings_->account_key->text() : "";
    return absl::OkStatus();
  }
  in_file_ = !settings_->account_key.has_value();
  where_ = in_file_ ? path_ : settings_->account_key->text();
  if (!in_file_) {
    signer = OpenKey(*settings_->account_key);
  } else if (Exists(path_)) {
    signer = crypto::OpenFileSigner(path_);
  } else if (has_account) {
    // Only a next key can be the account's; Choose() sees.
    return absl::OkStatus();
  } else {
    signer = crypto::CreateFileSigner(path_);
  }
  if (!signer.ok()) return WithContext(signer.status(), "account key");
  current_ = *std::move(signer);
  return absl::OkStatus();
}

absl::Status KeyFiles::OpenNext() {
  if (settings_->next_account_signer != nullptr) {
    configured_next_ = settings_->next_account_signer;
  } else if (settings_->next_account_key.has_value()) {
    absl::StatusOr<std::unique_ptr<crypto::Signer>> signer = OpenKey(*settings_->next_account_key);
    if (!signer.ok()) return WithContext(signer.status(), "next_account_key");
    configured_next_ = *std::move(signer);
  }
  if (in_file_ && Exists(next_path_)) {
    absl::StatusOr<std::unique_ptr<crypto::Signer>> signer = crypto::OpenFileSigner(next_path_);
    if (!signer.ok()) return WithContext(signer.status(), "next account key");
    next_ = *std::move(signer);
    next_file_ = true;
    changing_ = true;
    return absl::OkStatus();
  }
  if (!Exists(marker_path_)) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const crypto::Secret marker, crypto::ReadSecretFile(marker_path_));
  changing_ = true;
  if (ThumbprintOf(configured_next_) == absl::StripAsciiWhitespace(marker.Expose())) {
    next_ = configured_next_;
  }
  return absl::OkStatus();
}

void KeyFiles::NextIsCurrent() {
  current_ = next_;
  if (next_file_) {
    where_ = path_;
  } else {
    where_ = settings_->next_account_key.has_value() ? settings_->next_account_key->text() : "";
    in_file_ = false;
    advice_ = absl::StrCat("the account's key is ", Configured("next_account_key"),
                           " since it was changed: write it as account_key, and remove ",
                           "next_account_key");
  }
  next_.reset();
  next_file_ = false;
  changing_ = false;
}

absl::Status KeyFiles::Choose(const std::string& thumbprint) {
  if (current_ == nullptr && next_ == nullptr && configured_next_ == nullptr) {
    return Precondition("ACCOUNT_KEY_LOST",
                        absl::StrCat("its account's key file ", path_, " is gone: put it back"));
  }
  if (thumbprint.empty()) return absl::OkStatus();
  if (ThumbprintOf(current_) == thumbprint) {
    if (changing_ && next_ == configured_next_ && ThumbprintOf(next_) == thumbprint) {
      // The configuration was edited after the change: nothing is under way.
      next_.reset();
      changing_ = false;
      return Remove(marker_path_);
    }
    return absl::OkStatus();
  }
  if (ThumbprintOf(next_) == thumbprint) return Finish();
  if (ThumbprintOf(configured_next_) == thumbprint) {
    next_ = configured_next_;
    next_file_ = false;
    return Finish();
  }
  if (current_ != nullptr) return absl::OkStatus();
  // The store and the files are of different times; the CA is asked.
  current_ = next_ != nullptr ? next_ : configured_next_;
  where_ = next_ != nullptr ? next_path_ : Configured("next_account_key");
  return absl::OkStatus();
}

absl::StatusOr<KeyFiles> KeyFiles::Open(const CaSettings& settings, const std::string& keys_dir,
                                        const std::string& thumbprint) {
  KeyFiles files(settings, keys_dir);
  NORROY_RETURN_IF_ERROR(files.OpenCurrent(/*has_account=*/!thumbprint.empty()));
  NORROY_RETURN_IF_ERROR(files.OpenNext());
  NORROY_RETURN_IF_ERROR(files.Choose(thumbprint));
  return files;
}

absl::Status KeyFiles::MakeNext() {
  // Of the kind that the account has: what the CA takes is known.
  NORROY_ASSIGN_OR_RETURN(crypto::PrivateKey key,
                          crypto::PrivateKey::Generate(current_->public_key().type()));
  NORROY_RETURN_IF_ERROR(crypto::CreateSecretFile(next_path_, key.ToPem()));
  next_ = crypto::NewKeySigner(std::move(key));
  next_file_ = true;
  changing_ = true;
  return absl::OkStatus();
}

absl::Status KeyFiles::Begin() {
  if (configured_next_ == nullptr && in_file_) return MakeNext();
  if (configured_next_ == nullptr) {
    return Precondition("NEXT_KEY_MISSING",
                        absl::StrCat("the account's key is ", where_, ", which you made: make ",
                                     "another, write it as ", Configured("next_account_key"),
                                     ", and restart the issuer"));
  }
  if (configured_next_->public_key() == current_->public_key()) {
    return Precondition(
        "NEXT_KEY_MISSING",
        absl::StrCat(Configured("next_account_key"),
                     " is the key that the account has already: write it as ",
                     "account_key, another as next_account_key, and restart the ", "issuer"));
  }
  NORROY_RETURN_IF_ERROR(Remove(marker_path_));
  NORROY_RETURN_IF_ERROR(crypto::CreateSecretFile(
      marker_path_, crypto::Secret(absl::StrCat(ThumbprintOf(configured_next_), "\n"))));
  next_ = configured_next_;
  next_file_ = false;
  changing_ = true;
  return absl::OkStatus();
}

absl::Status KeyFiles::Finish() {
  const bool was_file = next_file_;
  NextIsCurrent();
  // The old key is dead: the CA and the store know the new one.
  return was_file ? Rename(next_path_, path_) : Remove(marker_path_);
}

absl::Status KeyFiles::TakeBack() {
  const bool was_file = next_file_;
  const std::string thumbprint = ThumbprintOf(next_);
  next_.reset();
  next_file_ = false;
  changing_ = false;
  if (!was_file) return Remove(marker_path_);
  // Kept: should the CA have it after all, it is all there is.
  return Rename(next_path_, absl::StrCat(path_.substr(0, path_.size() - 4), ".refused-",
                                         thumbprint.substr(0, 8), ".pem"));
}

}  // namespace norroy::keys
