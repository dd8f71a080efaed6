#include "issuer/keys/seal_pair.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/key.h"
#include "common/daemon/settings.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/identity/roots.h"
#include "common/identity/verifying.h"
#include "common/status_macros.h"

namespace norroy::keys {
namespace {

constexpr size_t kMaxCertificateFile = 64 * 1024;

absl::Status BadSealKey(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SEAL_KEY", message);
}

absl::StatusOr<SealPair> OpenOneFile(const SealFiles& files, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(identity::IdentityFile file,
                          daemon::ReadIdentityOf(types::v1::ROLE_SEAL, files.seal_file,
                                                 files.core_root_file, files.deployment, now));
  return SealPair{crypto::NewKeySigner(std::move(file.key)), std::move(file.chain.front())};
}

absl::StatusOr<crypto::Certificate> ReadCertificate(const SealFiles& files, absl::Time now) {
  const std::string& path = files.seal_file;
  NORROY_ASSIGN_OR_RETURN(const std::string pem, identity::ReadFile(path, kMaxCertificateFile));
  // A copy of the key in a file would make the token worth nothing.
  if (absl::StrContains(pem, "PRIVATE KEY-----")) {
    return BadSealKey(absl::StrCat(path, " holds a private key, and seal_key names one as well: ",
                                   "leave only the certificate in the file"));
  }
  absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::ParsePem(pem);
  if (!certificate.ok()) return WithContext(certificate.status(), path);
  NORROY_ASSIGN_OR_RETURN(const auto roots, identity::ReadRoots(files.core_root_file));
  const absl::StatusOr<identity::Identity> identity =
      identity::VerifyIdentity({*certificate}, roots, files.deployment, now);
  if (!identity.ok()) return WithContext(identity.status(), path);
  if (identity->role != types::v1::ROLE_SEAL) {
    return daemon::BadConfig(absl::StrCat(path, " is the identity of ", identity->Principal(),
                                          "; one of role seal is needed"));
  }
  return certificate;
}

}  // namespace

absl::StatusOr<SealPair> OpenSealPair(const SealFiles& files, absl::Time now) {
  if (!files.seal_key.has_value()) return OpenOneFile(files, now);
  NORROY_ASSIGN_OR_RETURN(crypto::Certificate certificate, ReadCertificate(files, now));
  absl::StatusOr<std::unique_ptr<crypto::Signer>> signer = OpenKey(*files.seal_key);
  if (!signer.ok()) return WithContext(signer.status(), "seal_key");
  const crypto::PublicKey& key = (*signer)->public_key();
  const std::string& where = files.seal_key->text();
  if (key.type() != crypto::KeyType::kP256) {
    return BadSealKey(absl::StrCat("seal_key: ", where, " is a ", crypto::KeyTypeName(key.type()),
                                   " key; seals are made with p256"));
  }
  if (key.spki_der() != certificate.spki_der()) {
    return BadSealKey(absl::StrCat("seal_key: the key ", where,
                                   " is not that of the certificate in ", files.seal_file));
  }
  return SealPair{*std::move(signer), std::move(certificate)};
}

}  // namespace norroy::keys
