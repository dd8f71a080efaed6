#include "cli/certificate_files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/authorities.h"
#include "cli/text.h"
#include "common/crypto/chain.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxKeyFile = 64 * 1024;

std::string PendingKeyPath(const std::string& folder, absl::string_view spki_sha256) {
  return absl::StrCat(folder, "/privkey-", spki_sha256.substr(0, 16), ".pem");
}

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// The digest of the public key of a key file.
absl::StatusOr<std::string> KeyDigest(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(std::string pem, identity::ReadFile(path, kMaxKeyFile));
  NORROY_ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                          crypto::PrivateKey::ParsePem(crypto::Secret::Take(pem)));
  return key.public_key().spki_sha256();
}

// Puts the certificate's key in place; empty: the key is elsewhere.
absl::StatusOr<std::string> SettleKey(const std::string& folder, const std::string& digest) {
  const std::string path = absl::StrCat(folder, "/privkey.pem");
  const std::string pending = PendingKeyPath(folder, digest);
  if (Exists(pending)) {
    NORROY_ASSIGN_OR_RETURN(const std::string found, KeyDigest(pending));
    if (found == digest && std::rename(pending.c_str(), path.c_str()) != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot rename ", pending, " to ", path, ": ", std::strerror(errno)));
    }
  }
  if (!Exists(path)) return "";
  const auto present = KeyDigest(path);
  if (present.ok() && *present == digest) return path;
  return MakeError(absl::StatusCode::kFailedPrecondition, "KEY_MISMATCH",
                   absl::StrCat(path,
                                " is not the key of this certificate, so nothing was "
                                "written; choose another --out"));
}

}  // namespace

std::string FolderName(absl::string_view name) {
  if (absl::ConsumePrefix(&name, "*.")) return absl::StrCat("_.", name);
  return std::string(name);
}

absl::Status SavePendingKey(const std::string& folder, const crypto::PrivateKey& key) {
  NORROY_RETURN_IF_ERROR(MakeFolder(folder));
  return identity::WriteFileAtomically(PendingKeyPath(folder, key.public_key().spki_sha256()),
                                       key.ToPem().Expose(), 0600);
}

void DropPendingKey(const std::string& folder, const crypto::PublicKey& key) {
  unlink(PendingKeyPath(folder, key.spki_sha256()).c_str());
}

absl::StatusOr<CertificateFiles> WriteCertificate(const std::string& folder,
                                                  absl::string_view chain_pem) {
  NORROY_ASSIGN_OR_RETURN(const crypto::CertificateChain chain,
                          crypto::CertificateChain::ParsePem(chain_pem));
  NORROY_RETURN_IF_ERROR(MakeFolder(folder));
  CertificateFiles files;
  NORROY_ASSIGN_OR_RETURN(*files.mutable_privkey(), SettleKey(folder, chain.leaf().spki_sha256()));
  std::string rest;
  for (size_t i = 1; i < chain.certificates().size(); ++i) {
    absl::StrAppend(&rest, chain.certificates()[i].ToPem());
  }
  files.set_cert(absl::StrCat(folder, "/cert.pem"));
  files.set_chain(absl::StrCat(folder, "/chain.pem"));
  files.set_fullchain(absl::StrCat(folder, "/fullchain.pem"));
  NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(files.cert(), chain.leaf().ToPem(), 0644));
  NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(files.chain(), rest, 0644));
  NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(files.fullchain(), chain.ToPem(), 0644));
  *files.mutable_not_after() = ToProto(chain.leaf().not_after());
  return files;
}

}  // namespace norroy::cli
