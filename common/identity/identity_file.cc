// The files of issuing.h.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/crypto/file_io.h"
#include "common/crypto/secret_file.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::identity {
namespace {

constexpr size_t kMaxChain = 8;
constexpr int kPrivateMode = 0600;

absl::Status BadFile(const std::string& path, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_IDENTITY_FILE",
                   absl::StrCat(path, ": ", message));
}

absl::Status CheckPair(const std::string& path, const IdentityFile& identity) {
  if (identity.chain.empty()) return BadFile(path, "no certificate");
  if (identity.chain.size() > kMaxChain) {
    return BadFile(path, absl::StrCat("more than ", kMaxChain, " certificates"));
  }
  if (identity.chain[0].spki_der() == identity.key.public_key().spki_der()) {
    return absl::OkStatus();
  }
  return BadFile(path, "the key is not that of the first certificate");
}

absl::StatusOr<std::vector<crypto::Certificate>> ReadCertificates(const crypto::Secret& pem) {
  NORROY_ASSIGN_OR_RETURN(std::vector<crypto::PemBlock> blocks, crypto::PemDecode(pem.Expose()));
  std::vector<crypto::Certificate> certificates;
  absl::Status status;
  for (const crypto::PemBlock& block : blocks) {
    if (block.label != "CERTIFICATE") continue;
    absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::ParseDer(block.der);
    status.Update(certificate.status());
    if (certificate.ok()) certificates.push_back(*std::move(certificate));
  }
  crypto::WipeBlocks(blocks);
  if (!status.ok()) return status;
  return certificates;
}

}  // namespace

absl::StatusOr<IdentityFile> ReadIdentityFile(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Secret pem, crypto::ReadSecretFile(path));
  absl::StatusOr<crypto::PrivateKey> key = crypto::PrivateKey::ParsePem(pem);
  if (!key.ok()) return WithContext(key.status(), path);
  absl::StatusOr<std::vector<crypto::Certificate>> chain = ReadCertificates(pem);
  if (!chain.ok()) return WithContext(chain.status(), path);
  IdentityFile identity = {*std::move(key), *std::move(chain)};
  NORROY_RETURN_IF_ERROR(CheckPair(path, identity));
  return identity;
}

absl::Status WriteIdentityFile(const std::string& path, const IdentityFile& identity) {
  // A pair that does not match would make a server refuse every handshake.
  NORROY_RETURN_IF_ERROR(CheckPair(path, identity));
  std::string certificates;
  for (const crypto::Certificate& certificate : identity.chain) {
    absl::StrAppend(&certificates, certificate.ToPem());
  }
  std::string text = absl::StrCat(identity.key.ToPem().Expose(), certificates);
  const crypto::Secret pem = crypto::Secret::Take(text);
  return WriteFileAtomically(path, pem.Expose(), kPrivateMode);
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes, int mode) {
  const std::string fresh = path + ".new";
  // Left by a writer that was killed.
  if (unlink(fresh.c_str()) != 0 && errno != ENOENT) return crypto::FileError("remove", fresh);
  absl::Status status = crypto::WriteNewFile(fresh, bytes, mode);
  if (status.ok() && rename(fresh.c_str(), path.c_str()) != 0)
    status = crypto::FileError("rename", fresh);
  if (!status.ok()) {
    unlink(fresh.c_str());
    return status;
  }
  return crypto::SyncFolderOf(path);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const crypto::Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return crypto::FileError("open", path);
  std::string bytes;
  char block[16 * 1024];
  while (true) {
    const ssize_t got = read(fd.get(), block, sizeof(block));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return crypto::FileError("read", path);
    if (got == 0) return bytes;
    bytes.append(block, static_cast<size_t>(got));
    if (bytes.size() > max_bytes) {
      return MakeError(absl::StatusCode::kInvalidArgument, "FILE_TOO_LONG",
                       absl::StrCat(path, ": longer than ", max_bytes, " bytes"));
    }
  }
}

}  // namespace norroy::identity
