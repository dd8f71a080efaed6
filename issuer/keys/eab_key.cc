#include "issuer/keys/eab_key.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crypto/encoding.h"
#include "common/crypto/secret_file.h"
#include "common/error/error.h"

namespace norroy::keys {
namespace {

constexpr size_t kMaxKeyFile = 1024;
constexpr size_t kMinKeyBytes = 16;

absl::Status Bad(const std::string& path, absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_EAB_KEY",
                   absl::StrCat("eab_key_file ", path, " ", why));
}

}  // namespace

absl::StatusOr<crypto::Secret> ReadEabKey(const std::string& path) {
  const absl::StatusOr<crypto::Secret> file = crypto::ReadSecretFile(path);
  if (!file.ok()) return WithContext(file.status(), "eab_key_file");
  if (file->Expose().size() > kMaxKeyFile) return Bad(path, "is longer than 1 KiB");
  absl::string_view text = absl::StripAsciiWhitespace(file->Expose());
  while (absl::ConsumeSuffix(&text, "=")) {
  }
  absl::StatusOr<std::string> bytes = crypto::Base64UrlDecode(text);
  if (!bytes.ok()) return Bad(path, "does not hold one line of base64url");
  crypto::Secret key = crypto::Secret::Take(*bytes);
  if (key.Expose().size() < kMinKeyBytes) return Bad(path, "holds a key of less than 16 bytes");
  return key;
}

}  // namespace norroy::keys
