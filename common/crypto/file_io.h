#ifndef NORROY_COMMON_CRYPTO_FILE_IO_H_
#define NORROY_COMMON_CRYPTO_FILE_IO_H_

// Writing files so that they are on the disk, whole, before anybody relies on them. For this
// folder, for identity/ and issuer/keys/.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace norroy::crypto {

// Owns a file descriptor; closes it on leaving.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  const int fd_;
};

// The error that errno stands for: "open /a/b: No such file or directory".
absl::Status FileError(absl::string_view verb, const std::string& path);

// Makes `path` with exactly `mode`, writes and syncs it. ALREADY_EXISTS if it is there; a file that
// could not be written whole is removed again.
absl::Status WriteNewFile(const std::string& path, absl::string_view bytes, int mode);

// Syncs the folder that `path` lies in: a name is on the disk only after that.
absl::Status SyncFolderOf(const std::string& path);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_FILE_IO_H_
