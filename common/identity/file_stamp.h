#ifndef NORROY_COMMON_IDENTITY_FILE_STAMP_H_
#define NORROY_COMMON_IDENTITY_FILE_STAMP_H_

// Whether a file is another one than it was: files of ours are replaced by rename, never written in
// place.

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace norroy::identity {

struct FileStamp {
  bool there = false;
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t seconds = 0;
  int64_t nanoseconds = 0;

  static FileStamp Of(const std::string& path) {
    struct stat info = {};
    if (stat(path.c_str(), &info) != 0) return {};
    return {true,         info.st_dev,         info.st_ino,
            info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
  }
  bool operator==(const FileStamp&) const = default;
};

}  // namespace norroy::identity

#endif  // NORROY_COMMON_IDENTITY_FILE_STAMP_H_
