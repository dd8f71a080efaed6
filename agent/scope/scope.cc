#include "agent/scope/scope.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

absl::Status BadScope(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SCOPE", what);
}

absl::StatusOr<challenge::Pattern> ParseOne(absl::string_view text, absl::string_view where) {
  auto pattern = challenge::Pattern::Parse(text);
  if (!pattern.ok()) return BadScope(absl::StrCat(where, ": ", pattern.status().message()));
  if (pattern->is_universal()) {
    return BadScope(absl::StrCat(
        where, ": \".\" would let this host answer for any name; write the names it serves"));
  }
  return pattern;
}

absl::Status CheckCount(size_t count, absl::string_view where) {
  if (count > 0 && count <= kMaxScopePatterns) return absl::OkStatus();
  return BadScope(absl::StrCat(where, ": ", count, " patterns, not 1 to ", kMaxScopePatterns));
}

absl::Status CheckFile(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, path);
  if (!S_ISREG(info.st_mode)) return BadScope(absl::StrCat(path, ": not a regular file"));
  if ((info.st_mode & 022) != 0) {
    return BadScope(absl::StrFormat("%s: mode %04o lets others write it; chmod go-w it", path,
                                    info.st_mode & 07777));
  }
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return BadScope(absl::StrCat(path, ": belongs to user ", info.st_uid, ", not to root"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<challenge::Pattern>> MakeScope(const std::vector<std::string>& texts) {
  NORROY_RETURN_IF_ERROR(CheckCount(texts.size(), "scope"));
  std::vector<challenge::Pattern> scope;
  for (const std::string& text : texts) {
    NORROY_ASSIGN_OR_RETURN(challenge::Pattern pattern, ParseOne(text, "scope"));
    scope.push_back(std::move(pattern));
  }
  return scope;
}

absl::StatusOr<std::vector<challenge::Pattern>> ParseScope(absl::string_view text,
                                                           absl::string_view file) {
  if (text.size() > kMaxScopeFile) return BadScope(absl::StrCat(file, ": over 256 KiB"));
  std::vector<challenge::Pattern> scope;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    NORROY_ASSIGN_OR_RETURN(challenge::Pattern pattern,
                            ParseOne(line, absl::StrCat(file, ":", number)));
    scope.push_back(std::move(pattern));
  }
  NORROY_RETURN_IF_ERROR(CheckCount(scope.size(), file));
  return scope;
}

std::string FormatScope(const std::vector<challenge::Pattern>& scope) {
  std::string text = "# The names that this host answers challenges for, one pattern a line.\n";
  for (const challenge::Pattern& pattern : scope) absl::StrAppend(&text, pattern.text(), "\n");
  return text;
}

absl::StatusOr<std::vector<challenge::Pattern>> ReadScope(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  absl::Cleanup close_fd = [fd] { close(fd); };
  NORROY_RETURN_IF_ERROR(CheckFile(fd, path));
  std::string text(kMaxScopeFile + 1, '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = read(fd, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
    if (got == 0) break;
    have += got;
  }
  return ParseScope(absl::string_view(text).substr(0, have), path);
}

}  // namespace norroy::agent
