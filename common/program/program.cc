#include "common/program/program.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::program {
namespace {

absl::Status Unsafe(const std::string& path, absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "UNSAFE_PROGRAM",
                   absl::StrCat("program ", Printable(path), ": ", why));
}

absl::Status CheckOwner(const std::string& path, const struct stat& is) {
  if (is.st_uid == 0 || is.st_uid == geteuid()) return absl::OkStatus();
  return Unsafe(path, absl::StrCat("belongs to user ", is.st_uid, ": chown it to root"));
}

absl::Status CheckDirectory(const std::string& path) {
  struct stat is;
  if (lstat(path.c_str(), &is) != 0) return Unsafe(path, std::strerror(errno));
  NORROY_RETURN_IF_ERROR(CheckOwner(path, is));
  // Where a link leads is looked at by the resolved path.
  if (S_ISLNK(is.st_mode)) return absl::OkStatus();
  if (!S_ISDIR(is.st_mode)) return Unsafe(path, "is not a directory");
  if ((is.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (is.st_mode & S_ISVTX) == 0) {
    return Unsafe(path, "the directory is writable by its group or by others: chmod go-w");
  }
  return absl::OkStatus();
}

absl::Status CheckFile(const std::string& path, bool executable) {
  struct stat is;
  if (lstat(path.c_str(), &is) != 0) return Unsafe(path, std::strerror(errno));
  NORROY_RETURN_IF_ERROR(CheckOwner(path, is));
  if (S_ISLNK(is.st_mode)) return absl::OkStatus();
  if (!S_ISREG(is.st_mode)) return Unsafe(path, "is not a regular file");
  if ((is.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Unsafe(path, "is writable by its group or by others: chmod go-w");
  }
  if (!executable) return absl::OkStatus();
  if ((is.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0 || access(path.c_str(), X_OK) != 0) {
    return Unsafe(path, "is not executable for this user: chmod u+x");
  }
  return absl::OkStatus();
}

// The directories on the way and the file, as named.
absl::Status CheckWay(const std::string& path, bool executable) {
  NORROY_RETURN_IF_ERROR(CheckDirectory("/"));
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    NORROY_RETURN_IF_ERROR(CheckDirectory(path.substr(0, at)));
  }
  return CheckFile(path, executable);
}

bool IsPlainAbsolute(const std::string& path) {
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos) return false;
  const std::vector<std::string> parts = absl::StrSplit(path.substr(1), '/');
  for (const std::string& part : parts) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

absl::Status Check(const std::string& path, bool executable) {
  if (!IsPlainAbsolute(path) || path.size() >= PATH_MAX) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                     absl::StrCat("program \"", Printable(path),
                                  "\": give its absolute path, without . and .. in it"));
  }
  NORROY_RETURN_IF_ERROR(CheckWay(path, executable));
  const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(path.c_str(), nullptr),
                                                             &std::free);
  if (resolved == nullptr) return Unsafe(path, std::strerror(errno));
  if (path == resolved.get()) return absl::OkStatus();
  return CheckWay(resolved.get(), executable);
}

}  // namespace

absl::Status CheckProgram(const std::string& path) { return Check(path, true); }

absl::Status CheckArgument(const std::string& argument) {
  struct stat is;
  if (argument.empty() || argument[0] != '/') return absl::OkStatus();
  if (stat(argument.c_str(), &is) != 0 || !S_ISREG(is.st_mode)) return absl::OkStatus();
  return Check(argument, false);
}

}  // namespace norroy::program
