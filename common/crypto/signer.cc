#include "common/crypto/signer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/secret_file.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

class KeySigner final : public Signer {
 public:
  explicit KeySigner(PrivateKey key) : key_(std::move(key)) {}
  const PublicKey& public_key() const override { return key_.public_key(); }
  absl::StatusOr<std::string> Sign(absl::string_view data) override { return key_.SignEs256(data); }

 private:
  const PrivateKey key_;
};

}  // namespace

std::unique_ptr<Signer> NewKeySigner(PrivateKey key) {
  return std::make_unique<KeySigner>(std::move(key));
}

absl::StatusOr<std::unique_ptr<Signer>> OpenFileSigner(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const Secret pem, ReadSecretFile(path));
  absl::StatusOr<PrivateKey> key = PrivateKey::ParsePem(pem);
  if (!key.ok()) return WithContext(key.status(), path);
  const KeyType type = key->public_key().type();
  if (type != KeyType::kP256) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_KEY",
                     absl::StrCat(path, ": a p256 key is needed, this is ", KeyTypeName(type)));
  }
  return NewKeySigner(*std::move(key));
}

absl::StatusOr<std::unique_ptr<Signer>> CreateFileSigner(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate(KeyType::kP256));
  NORROY_RETURN_IF_ERROR(CreateSecretFile(path, key.ToPem()));
  return NewKeySigner(std::move(key));
}

}  // namespace norroy::crypto
