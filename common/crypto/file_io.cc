#include "common/crypto/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace norroy::crypto {
namespace {

absl::Status Fill(int fd, absl::string_view bytes, int mode, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  // fchmod: the umask must not decide.
  if (fchmod(fd, static_cast<mode_t>(mode)) != 0) return FileError("set the mode of", path);
  return fsync(fd) == 0 ? absl::OkStatus() : FileError("sync", path);
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

absl::Status FileError(absl::string_view verb, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(verb, " ", path));
}

absl::Status WriteNewFile(const std::string& path, absl::string_view bytes, int mode) {
  const Descriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid() && errno == EEXIST) {
    return absl::AlreadyExistsError(absl::StrCat(path, " exists; it was left as it is"));
  }
  if (!fd.valid()) return FileError("create", path);
  const absl::Status status = Fill(fd.get(), bytes, mode, path);
  if (!status.ok()) unlink(path.c_str());
  return status;
}

absl::Status SyncFolderOf(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.valid() && fsync(fd.get()) == 0 ? absl::OkStatus() : FileError("sync", folder);
}

}  // namespace norroy::crypto
