#include "common/config/config.h"

#include <fcntl.h>
#include <google/protobuf/message.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/message_reader.h"
#include "common/config/yaml_tree.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::config {
namespace {

absl::Status CannotRead(const std::string& path, absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat(Printable(path), ": cannot be read: ", problem));
}

std::string ErrnoText(int error) { return std::generic_category().message(error); }

// One byte more than the cap, so that a longer file shows.
absl::StatusOr<std::string> ReadAll(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return CannotRead(path, ErrnoText(errno));
  if (!S_ISREG(info.st_mode)) return CannotRead(path, "it is no regular file");
  std::string text(kMaxYamlBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(path, ErrnoText(errno));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

absl::Status ParseYaml(absl::string_view text, absl::string_view file,
                       google::protobuf::Message& message) {
  const YamlSource source(text, file);
  NORROY_ASSIGN_OR_RETURN(const YamlNode root, ReadYamlTree(source));
  const std::unique_ptr<google::protobuf::Message> fresh(message.New());
  NORROY_RETURN_IF_ERROR(ReadMessage(source, root, *fresh));
  message.GetReflection()->Swap(&message, fresh.get());
  return absl::OkStatus();
}

absl::Status LoadYaml(const std::string& path, google::protobuf::Message& message) {
  if (absl::StrContains(path, '\0')) return CannotRead(path, "the path holds a NUL");
  // O_NONBLOCK: a named pipe must not hold us.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return CannotRead(path, ErrnoText(errno));
  const absl::StatusOr<std::string> text = ReadAll(fd, path);
  close(fd);
  NORROY_RETURN_IF_ERROR(text.status());
  return ParseYaml(*text, path, message);
}

std::string ResolvePath(const std::string& config_path, const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  const size_t slash = config_path.rfind('/');
  if (slash == std::string::npos) return path;
  return absl::StrCat(absl::string_view(config_path).substr(0, slash + 1), path);
}

}  // namespace norroy::config
