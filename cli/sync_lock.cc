#include "cli/sync_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/file_io.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

// Each one means that somebody replaced the file in the moment since we opened it.
constexpr int kMaxTries = 100;

bool IsAtPath(int fd, const std::string& path) {
  struct stat ours = {};
  struct stat there = {};
  return fstat(fd, &ours) == 0 && stat(path.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

}  // namespace

absl::StatusOr<SyncLock> SyncLock::Take(const std::string& path) {
  for (int i = 0; i < kMaxTries; ++i) {
    SyncLock lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (lock.fd_ < 0) return crypto::FileError("open", path);
    if (flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return crypto::FileError("lock", path);
      return MakeError(
          absl::StatusCode::kFailedPrecondition, "ALREADY_RUNNING",
          absl::StrCat("another norroy holds ", path, "; nothing was done, it does what is due"));
    }
    if (IsAtPath(lock.fd_, path)) return lock;
  }
  return absl::AbortedError(absl::StrCat(path, " is being replaced again and again"));
}

SyncLock::SyncLock(SyncLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

SyncLock::~SyncLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace norroy::cli
