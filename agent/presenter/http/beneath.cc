#include "agent/presenter/http/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/check.h"
#include "common/failpoint/failpoint.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

// What would make it pass, where that is not plain from the system's text.
absl::string_view Cure(int error) {
  switch (error) {
    case ELOOP:
      return " (no symbolic link is followed)";
    case EACCES:
    case EPERM:
      return " (the agent's user must be let in and may have to write there)";
    case EROFS:
      return " (remount it for writing; in a systemd unit, ReadWritePaths= names it)";
    case ENOSPC:
    case EDQUOT:
      return " (make room there: bytes, inodes or quota)";
    default:
      return "";
  }
}

absl::Status ErrnoStatus(int error, absl::string_view path, absl::string_view verb) {
  absl::StatusCode code = absl::StatusCode::kFailedPrecondition;
  if (error == ENOENT) code = absl::StatusCode::kNotFound;
  if (error == EEXIST) code = absl::StatusCode::kAlreadyExists;
  return absl::Status(
      code, absl::StrCat(path, ": cannot ", verb, ": ", std::strerror(error), Cure(error)));
}

bool IsOneComponent(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

// False: errno says why.
bool WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes.remove_prefix(put);
  }
  return true;
}

}  // namespace

Directory::~Directory() {
  if (fd_ >= 0) close(fd_);
}

absl::Status Directory::Failed(absl::string_view verb, absl::string_view name) const {
  const int error = errno;
  return ErrnoStatus(error, absl::StrCat(path_, "/", name), verb);
}

absl::Status Directory::NotOurs(absl::string_view name) const {
  return absl::AlreadyExistsError(
      absl::StrCat(path_, "/", name, " is there already and is not ours"));
}

absl::StatusOr<Directory> Directory::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, path, "open the directory");
  Directory directory(fd, path);
  NORROY_RETURN_IF_ERROR(directory.CheckMode());
  return directory;
}

absl::Status Directory::CheckMode() const {
  struct stat info;
  if (fstat(fd_, &info) != 0) return ErrnoStatus(errno, path_, "look at the directory");
  if ((info.st_mode & S_IWOTH) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s has mode %04o: anybody may write there; chmod o-w it", path_, info.st_mode & 07777));
}

int Directory::OpenBeneath(const std::string& name, int flags) const {
  NORROY_CHECK(IsOneComponent(name));
  open_how how = {};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.mode = (flags & O_CREAT) != 0 ? 0600 : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = syscall(SYS_openat2, fd_, name.c_str(), &how, sizeof(how));
  // Kernels before 5.6, and seccomp filters that do not know the call. One component with
  // O_NOFOLLOW cannot leave the directory either.
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
    return openat(fd_, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
  }
  return static_cast<int>(fd);
}

absl::StatusOr<Directory> Directory::Enter(const std::string& name) const {
  const int fd = OpenBeneath(name, O_DIRECTORY | O_RDONLY);
  if (fd < 0) return Failed("open the directory", name);
  Directory directory(fd, absl::StrCat(path_, "/", name));
  NORROY_RETURN_IF_ERROR(directory.CheckMode());
  return directory;
}

absl::StatusOr<Directory> Directory::EnterOrMake(const std::string& name) const {
  NORROY_CHECK(IsOneComponent(name));
  const bool made = mkdirat(fd_, name.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) return Failed("make the directory", name);
  NORROY_ASSIGN_OR_RETURN(Directory directory, Enter(name));
  // The web server must get in, whatever our umask is. One of ours that nobody else can enter is
  // what an earlier run left that was killed before it came to this.
  struct stat info;
  if (fstat(directory.fd_, &info) != 0) return Failed("look at", name);
  const bool unfinished = info.st_uid == geteuid() && (info.st_mode & 07777) == 0700;
  if ((made || unfinished) && fchmod(directory.fd_, 0755) != 0) {
    return Failed("set the mode of", name);
  }
  return directory;
}

absl::StatusOr<std::string> Directory::Read(const std::string& name, size_t max) const {
  const int fd = OpenBeneath(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  // A symbolic link, a socket.
  if (fd < 0 && (errno == ELOOP || errno == ENXIO)) return NotOurs(name);
  if (fd < 0) return Failed("read", name);
  absl::Cleanup close_fd = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return Failed("look at", name);
  if (!S_ISREG(info.st_mode) || info.st_size > static_cast<off_t>(max)) return NotOurs(name);
  std::string bytes(max + 1, '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = read(fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", name);
    if (got == 0) break;
    have += got;
  }
  bytes.resize(have);
  return bytes;
}

absl::Status Directory::Create(const std::string& name, absl::string_view bytes,
                               const std::string& temporary) const {
  // What an earlier run may have left when it was killed.
  NORROY_RETURN_IF_ERROR(Remove(temporary));
  const int fd = OpenBeneath(temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (fd < 0) return Failed("create", temporary);
  absl::Cleanup remove = [&] { unlinkat(fd_, temporary.c_str(), 0); };
  absl::Cleanup close_fd = [fd] { close(fd); };
  if (!WriteAll(fd, bytes) || fchmod(fd, 0644) != 0 || fsync(fd) != 0) {
    return Failed("write", temporary);
  }
  NORROY_FAILPOINT("agent.file_written");
  int renamed = renameat2(fd_, temporary.c_str(), fd_, name.c_str(), RENAME_NOREPLACE);
  if (renamed != 0 && (errno == EINVAL || errno == ENOSYS)) {
    // A file system without that flag: a link does not replace anything either.
    renamed = linkat(fd_, temporary.c_str(), fd_, name.c_str(), 0);
    if (renamed == 0) return absl::OkStatus();
  }
  if (renamed != 0) return Failed("create", name);
  std::move(remove).Cancel();
  return absl::OkStatus();
}

absl::Status Directory::Remove(const std::string& name) const {
  NORROY_CHECK(IsOneComponent(name));
  if (unlinkat(fd_, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  const absl::Status failed = Failed("remove", name);
  // A read-only file system says so of absent files, too.
  struct stat info;
  const bool absent =
      fstatat(fd_, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
  return absent ? absl::OkStatus() : failed;
}

}  // namespace norroy::agent
