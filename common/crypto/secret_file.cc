#include "common/crypto/secret_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/crypto/file_io.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

absl::Status Unsafe(const std::string& path, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "UNSAFE_FILE",
                   absl::StrCat(path, ": ", message));
}

absl::Status CheckKindAndSize(const std::string& path, const struct stat& file) {
  if (!S_ISREG(file.st_mode)) return Unsafe(path, "not a regular file");
  if (static_cast<size_t>(file.st_size) > kMaxSecretFile) {
    return Unsafe(path, absl::StrCat(file.st_size, " bytes; at most ", kMaxSecretFile));
  }
  return absl::OkStatus();
}

absl::Status CheckPrivate(const std::string& path, const struct stat& file) {
  NORROY_RETURN_IF_ERROR(CheckKindAndSize(path, file));
  if (file.st_uid != geteuid()) {
    return Unsafe(path, absl::StrFormat("belongs to user %d, this process runs as user %d; "
                                        "run: chown %d %s",
                                        file.st_uid, geteuid(), geteuid(), path));
  }
  if ((file.st_mode & 077) != 0) {
    return Unsafe(path, absl::StrFormat("has mode %04o, so others can read or change it; "
                                        "run: chmod 600 %s",
                                        file.st_mode & 07777, path));
  }
  return absl::OkStatus();
}

absl::Status CheckCredential(const std::string& path, const struct stat& file) {
  NORROY_RETURN_IF_ERROR(CheckKindAndSize(path, file));
  if ((file.st_uid == 0 || file.st_uid == geteuid()) && (file.st_mode & 037) == 0) {
    return absl::OkStatus();
  }
  return Unsafe(path, absl::StrFormat("has mode %04o and belongs to user %d; systemd makes "
                                      "credentials of mode 0400 or 0440",
                                      file.st_mode & 07777, file.st_uid));
}

absl::StatusOr<Secret> Read(const std::string& path,
                            absl::Status (*check)(const std::string&, const struct stat&)) {
  // O_NONBLOCK: opening a pipe must not hang before its kind is looked at.
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat file;
  if (!fd.valid() || fstat(fd.get(), &file) != 0) return FileError("open", path);
  NORROY_RETURN_IF_ERROR(check(path, file));
  // One allocation: a growing buffer would leave unwiped copies behind.
  std::string bytes(static_cast<size_t>(file.st_size), '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const absl::Status error = FileError("read", path);
      OPENSSL_cleanse(bytes.data(), bytes.size());
      return error;
    }
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return Secret::Take(bytes);
}

}  // namespace

absl::StatusOr<Secret> ReadSecretFile(const std::string& path) { return Read(path, CheckPrivate); }

absl::StatusOr<Secret> ReadCredentialFile(const std::string& path) {
  return Read(path, CheckCredential);
}

absl::Status CreateSecretFile(const std::string& path, const Secret& content) {
  NORROY_RETURN_IF_ERROR(WriteNewFile(path, content.Expose(), 0600));
  return SyncFolderOf(path);
}

}  // namespace norroy::crypto
