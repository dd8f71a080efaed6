#ifndef NORROY_CLI_TEXT_H_
#define NORROY_CLI_TEXT_H_

// How values look on the command line and in tables: times, spans of time, enums, addresses.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace norroy::cli {

google::protobuf::Timestamp ToProto(absl::Time time);
absl::Time FromProto(const google::protobuf::Timestamp& time);
// "2026-03-01T12:00:00Z"; "-" for a time that is not set.
std::string TimeText(const google::protobuf::Timestamp& time);

// "90s", "5m", "1h30m", "7d": longer than nothing, at most a year. `what` is the option's name.
absl::StatusOr<absl::Duration> ParseSpan(absl::string_view what, absl::string_view text);

struct Address {
  std::string host;  // without brackets
  int port = 0;
  std::string text() const;  // "127.0.0.1:80", "[::1]:80"
  // 0.0.0.0 and [::]: listens everywhere, cannot be dialled.
  bool is_any() const;
};
// "host:port", "[v6]:port".
absl::StatusOr<Address> ParseAddress(absl::string_view what, absl::string_view text);

// Enum values without their type's prefix, lower case: "ready", "http-01", "key-compromise".
std::string EnumText(const google::protobuf::EnumDescriptor& type, int number);
absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type, absl::string_view what,
                              absl::string_view text);

template <typename Enum>
std::string EnumText(Enum value) {
  return EnumText(*google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}
template <typename Enum>
absl::StatusOr<Enum> ParseEnum(absl::string_view what, absl::string_view text) {
  const auto number = ParseEnum(*google::protobuf::GetEnumDescriptor<Enum>(), what, text);
  if (!number.ok()) return number.status();
  return static_cast<Enum>(*number);
}

// "a, b, c", or "-".
template <typename Strings>
std::string ListText(const Strings& strings) {
  std::string text;
  for (const auto& string : strings) {
    if (!text.empty()) text += ", ";
    text += string;
  }
  return text.empty() ? "-" : text;
}

}  // namespace norroy::cli

#endif  // NORROY_CLI_TEXT_H_
