#ifndef NORROY_COMMON_CONFIG_MESSAGE_READER_H_
#define NORROY_COMMON_CONFIG_MESSAGE_READER_H_

// A YAML tree read into a message by the message's descriptor.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/yaml_tree.h"

namespace google::protobuf {
class EnumValueDescriptor;
class Message;
}  // namespace google::protobuf

namespace norroy::config {

absl::Status ReadMessage(const YamlSource& source, const YamlNode& root,
                         google::protobuf::Message& message);

// How a configuration file calls an enum's value: HTTP_MATCH_HOST of HttpMatch is "host".
std::string EnumValueKey(const google::protobuf::EnumValueDescriptor& value);

}  // namespace norroy::config

#endif  // NORROY_COMMON_CONFIG_MESSAGE_READER_H_
