#ifndef NORROY_CLI_SYNC_LOCK_H_
#define NORROY_CLI_SYNC_LOCK_H_

// One process at a time in a folder, by flock on a file in it. A lock on a file that was removed or
// replaced meanwhile keeps nobody out, so whoever has the lock looks whether the file is still the
// one at the path, and tries again if it is not. The lock ends with the process, however that ends;
// children do not inherit it.

#include <string>

#include "absl/status/statusor.h"

namespace norroy::cli {

class SyncLock {
 public:
  // Does not wait: FAILED_PRECONDITION, reason ALREADY_RUNNING, if another process has it.
  static absl::StatusOr<SyncLock> Take(const std::string& path);
  ~SyncLock();
  SyncLock(SyncLock&& other) noexcept;
  SyncLock& operator=(SyncLock&&) = delete;

 private:
  explicit SyncLock(int fd) : fd_(fd) {}
  int fd_;  // -1: moved away
};

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_LOCK_H_
