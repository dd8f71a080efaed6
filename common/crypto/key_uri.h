#ifndef NORROY_COMMON_CRYPTO_KEY_URI_H_
#define NORROY_COMMON_CRYPTO_KEY_URI_H_

// Where a private key lies, as configurations say it:
//
//   keys/account.pem, file:/etc/norroy/account.pem     a PEM file
//   pkcs11:token=norroy;object=seal                    a key in a token (RFC 7512)
//
// A token's URI names one key of one token: by token or serial (model and manufacturer may stand
// with them), and by object or id. Of what may follow "?" only pin-source is taken, as a path or a
// file: URI: a PIN itself (pin-value) has no place in a configuration, and which module to load is
// said elsewhere. So the text of a KeyUri is never a secret.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::crypto {

inline constexpr size_t kMaxKeyUri = 2048;

// Value, immutable.
class KeyUri {
 public:
  // INVALID_ARGUMENT, reason BAD_KEY_URI. Errors show attributes' names, and no value that could be
  // a PIN.
  static absl::StatusOr<KeyUri> Parse(absl::string_view text);

  bool in_token() const { return path_.empty(); }
  // For humans: the path, or the URI without its query.
  const std::string& text() const { return in_token() ? token_uri_ : path_; }
  // Of a PEM file; relative if it was written so.
  const std::string& path() const { return path_; }
  // "pkcs11:" and the attributes that say which key.
  const std::string& token_uri() const { return token_uri_; }
  // The same without object and id.
  const std::string& token_only() const { return token_only_; }
  // The file of pin-source; empty without one.
  const std::string& pin_file() const { return pin_file_; }

 private:
  KeyUri() = default;
  static absl::StatusOr<KeyUri> ParseToken(absl::string_view rest);
  static absl::StatusOr<KeyUri> ParseFile(absl::string_view rest);

  std::string path_;
  std::string token_uri_;
  std::string token_only_;
  std::string pin_file_;
};

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_KEY_URI_H_
