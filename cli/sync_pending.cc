#include "cli/sync_pending.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/encoding.h"
#include "common/crypto/file_io.h"
#include "common/crypto/secret.h"
#include "common/crypto/secret_file.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr char kCsrLabel[] = "CERTIFICATE REQUEST";
constexpr char kReplacesLabel[] = "CERTIFICATE";
constexpr char kRenewsLabel[] = "NORROY CERTIFICATE ID";

absl::StatusOr<PendingRenewal> ParsePending(const crypto::Secret& pem) {
  NORROY_ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::ParsePem(pem));
  NORROY_ASSIGN_OR_RETURN(std::vector<crypto::PemBlock> blocks, crypto::PemDecode(pem.Expose()));
  const absl::Cleanup wipe = [&blocks] { crypto::WipeBlocks(blocks); };
  std::string csr_der;
  std::string replaces;
  std::string renews;
  for (const crypto::PemBlock& block : blocks) {
    if (block.label == kCsrLabel) csr_der = block.der;
    if (block.label == kRenewsLabel) renews = block.der;
    if (block.label != kReplacesLabel) continue;
    NORROY_ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                            crypto::Certificate::ParseDer(block.der));
    replaces = certificate.fingerprint();
  }
  NORROY_ASSIGN_OR_RETURN(crypto::Csr csr, crypto::Csr::Parse(csr_der));
  if (!(csr.public_key() == key.public_key())) return absl::DataLossError("not its key");
  return PendingRenewal{std::move(key), std::move(csr), std::move(replaces), std::move(renews)};
}

std::string FingerprintOf(const crypto::Certificate* certificate) {
  return certificate == nullptr ? "" : certificate->fingerprint();
}

}  // namespace

std::string PendingRenewal::RequestId(const WantedCertificate& wanted) const {
  const std::string text =
      absl::StrJoin({wanted.name, wanted.ca, wanted.profile, wanted.preferred_chain, replaces,
                     crypto::Hex(crypto::Sha256(csr.der()))},
                    "\n");
  return absl::StrCat("sync-", crypto::Hex(crypto::Sha256(text)).substr(0, 40));
}

PendingFile::PendingFile(const std::string& state_dir, const std::string& name)
    : folder_(absl::StrCat(state_dir, "/pending")),
      path_(absl::StrCat(folder_, "/", name, ".pem")) {}

std::optional<PendingRenewal> PendingFile::Read(const WantedCertificate& wanted,
                                                const crypto::Certificate* installed) const {
  // A key that others could read, or half of one, is no loss: no certificate is there for it.
  const auto pem = crypto::ReadSecretFile(path_);
  if (!pem.ok()) return std::nullopt;
  auto pending = ParsePending(*pem);
  const bool fits = pending.ok() && pending->replaces == FingerprintOf(installed) &&
                    pending->csr.names() == wanted.domains &&
                    pending->key.public_key().type() == wanted.key_type;
  if (!fits) return std::nullopt;
  return *std::move(pending);
}

absl::StatusOr<PendingRenewal> PendingFile::Begin(const WantedCertificate& wanted,
                                                  const crypto::Certificate* installed,
                                                  const crypto::PrivateKey* old_key,
                                                  const std::string& renews) const {
  std::optional<crypto::PrivateKey> key;
  if (old_key != nullptr) {
    key = *old_key;
  } else {
    NORROY_ASSIGN_OR_RETURN(key, crypto::PrivateKey::Generate(wanted.key_type));
  }
  NORROY_ASSIGN_OR_RETURN(const std::string der, crypto::BuildCsr(*key, wanted.domains));
  NORROY_ASSIGN_OR_RETURN(crypto::Csr csr, crypto::Csr::Parse(der));
  std::string text = absl::StrCat(key->ToPem().Expose(), crypto::PemEncode(kCsrLabel, der));
  if (installed != nullptr) absl::StrAppend(&text, installed->ToPem());
  if (!renews.empty()) absl::StrAppend(&text, crypto::PemEncode(kRenewsLabel, renews));
  const crypto::Secret pem = crypto::Secret::Take(text);
  if (mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) {
    return crypto::FileError("make the folder", folder_);
  }
  NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(path_, pem.Expose(), 0600));
  return PendingRenewal{*std::move(key), std::move(csr), FingerprintOf(installed), renews};
}

void PendingFile::Drop() const { unlink(path_.c_str()); }

}  // namespace norroy::cli
