#ifndef NORROY_COMMON_CONFIG_CONFIG_H_
#define NORROY_COMMON_CONFIG_CONFIG_H_

// Configuration files: YAML whose schema is a proto message. Types come from the message, never
// from how a scalar looks. Unknown keys, duplicate keys, wrong types, unknown enum values, aliases,
// tags, several documents and files over 1 MiB are refused with "file:line:column: what, and what
// would do" (INVALID_ARGUMENT, reason BAD_CONFIG). Keys are the proto's field names; enum values
// the proto's without their prefix, lower case ("host" for HTTP_MATCH_HOST). Numbers are whole and
// never negative; a key without a value is refused. A field of the message can be text, a number, a
// boolean, an enum, a message, a list of these, or a map from text to these.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
}

namespace norroy::config {

// `file` is what errors call it. On error `message` stays as it was.
absl::Status ParseYaml(absl::string_view text, absl::string_view file,
                       google::protobuf::Message& message);
absl::Status LoadYaml(const std::string& path, google::protobuf::Message& message);

// What parses to an equal message: for files that we write. The message holds only what a file can
// say (no negative number, no NUL, no unknown enum value).
std::string ToYaml(const google::protobuf::Message& message);

// Paths in a configuration are relative to its own folder. An empty path stays empty.
std::string ResolvePath(const std::string& config_path, const std::string& path);

}  // namespace norroy::config

#endif  // NORROY_COMMON_CONFIG_CONFIG_H_
