#ifndef NORROY_AGENT_PRESENTER_HTTP_BENEATH_H_
#define NORROY_AGENT_PRESENTER_HTTP_BENEATH_H_

// Files in a directory that other people's programs also use: everything by handle, one component
// a call, no symbolic link followed. Errors are FAILED_PRECONDITION (NOT_FOUND, ALREADY_EXISTS
// where that is what happened) with the path and the system's text.

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::agent {

// An open directory and what to call it in errors. Movable; closes itself.
class Directory {
 public:
  // The way to `path` may have symbolic links: whoever configured it chose them.
  static absl::StatusOr<Directory> Open(const std::string& path);
  Directory(Directory&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  Directory& operator=(Directory&& other) = delete;
  ~Directory();

  // A directory in this one.
  absl::StatusOr<Directory> Enter(const std::string& name) const;
  // The same; makes it (0755) if absent. One of our own user's with mode 0700 is given 0755, too: a
  // kill may have come between the two.
  absl::StatusOr<Directory> EnterOrMake(const std::string& name) const;

  // A regular file's bytes, at most `max`; ALREADY_EXISTS for anything else of that name.
  absl::StatusOr<std::string> Read(const std::string& name, size_t max) const;
  // Makes `name` with these bytes, mode 0644, whole or not at all; never replaces anything.
  // `temporary` is a name in this directory that nobody else uses.
  absl::Status Create(const std::string& name, absl::string_view bytes,
                      const std::string& temporary) const;
  // An absent file is OK.
  absl::Status Remove(const std::string& name) const;

  const std::string& path() const { return path_; }

 private:
  Directory(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  // FAILED_PRECONDITION if others may write here.
  absl::Status CheckMode() const;
  absl::Status Failed(absl::string_view verb, absl::string_view name) const;
  absl::Status NotOurs(absl::string_view name) const;
  int OpenBeneath(const std::string& name, int flags) const;

  int fd_;
  std::string path_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_HTTP_BENEATH_H_
