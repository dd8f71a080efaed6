#include "common/crypto/signer.h"

#include <utility>

#include "common/crypto/secret_file.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

class KeySigner final : public Signer {
 public:
  explicit KeySigner(PrivateKey key) : key_(std::move(key)) {}
  const PublicKey& public_key() const override { return key_.public_key(); }
  absl::StatusOr<std::string> Sign(absl::string_view data) override { return key_.Sign(data); }

 private:
  const PrivateKey key_;
};

absl::StatusOr<PrivateKey> ParseKey(const Secret& pem, const PassphraseSource& source) {
  if (source.empty()) return PrivateKey::ParsePem(pem);
  NORROY_ASSIGN_OR_RETURN(const Secret passphrase, ReadPassphrase(source));
  return PrivateKey::ParseEncryptedPem(pem, passphrase);
}

}  // namespace

std::unique_ptr<Signer> NewKeySigner(PrivateKey key) {
  return std::make_unique<KeySigner>(std::move(key));
}

absl::StatusOr<std::unique_ptr<Signer>> OpenFileSigner(const std::string& path,
                                                       const PassphraseSource& passphrase) {
  NORROY_ASSIGN_OR_RETURN(const Secret pem, ReadSecretFile(path));
  absl::StatusOr<PrivateKey> key = ParseKey(pem, passphrase);
  if (!key.ok()) return WithContext(key.status(), path);
  return NewKeySigner(*std::move(key));
}

absl::StatusOr<std::unique_ptr<Signer>> CreateFileSigner(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate(KeyType::kP256));
  NORROY_RETURN_IF_ERROR(CreateSecretFile(path, key.ToPem()));
  return NewKeySigner(std::move(key));
}

}  // namespace norroy::crypto
