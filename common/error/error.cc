#include "common/error/error.h"

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "norroy/types/v1/error_info.pb.h"

namespace norroy {
namespace {

std::optional<types::v1::ErrorInfo> InfoOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorInfoPayload);
  if (!payload.has_value()) return std::nullopt;
  types::v1::ErrorInfo info;
  if (!info.ParseFromString(std::string(*payload))) return std::nullopt;
  return info;
}

// The length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none
// (Unicode 15, table 3-7).
size_t Utf8Length(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// U+2028, U+2029 (new lines) and what turns the direction of writing round, so that a text reads as
// another one (Unicode UAX 9): U+061C, U+200E, U+200F, U+202A..U+202E, U+2066..U+2069.
bool IsFormatControl(absl::string_view character) {
  if (character == "\xD8\x9C") return true;
  if (character.size() != 3 || character[0] != '\xE2') return false;
  const auto second = static_cast<unsigned char>(character[1]);
  const auto third = static_cast<unsigned char>(character[2]);
  if (second == 0x80) return third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE);
  return second == 0x81 && third >= 0xA6 && third <= 0xA9;
}

bool IsControl(absl::string_view character) {
  const unsigned char first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  // C1 controls U+0080..U+009F: terminals obey them.
  if (character.size() == 2 && first == 0xC2) {
    return static_cast<unsigned char>(character[1]) < 0xA0;
  }
  return IsFormatControl(character);
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message,
                       const ErrorMetadata& metadata) {
  types::v1::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("norroy");
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  absl::Status status(code, message);
  status.SetPayload(kErrorInfoPayload, absl::Cord(info.SerializeAsString()));
  return status;
}

std::string ErrorReason(const absl::Status& status) {
  const auto info = InfoOf(status);
  return info.has_value() ? info->reason() : "";
}

ErrorMetadata ErrorMetadataOf(const absl::Status& status) {
  const auto info = InfoOf(status);
  if (!info.has_value()) return {};
  return ErrorMetadata(info->metadata().begin(), info->metadata().end());
}

absl::Status WithContext(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status result(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&result](absl::string_view type_url, const absl::Cord& payload) {
    result.SetPayload(type_url, payload);
  });
  return result;
}

std::string Printable(absl::string_view text, size_t max) {
  std::string out;
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const bool plain = length > 0 && !IsControl(text.substr(0, length));
    const std::string piece = plain
                                  ? std::string(text.substr(0, length))
                                  : absl::StrFormat("\\x%02x", static_cast<unsigned char>(text[0]));
    if (out.size() + piece.size() > max) return out + "...";
    out += piece;
    text.remove_prefix(plain ? length : 1);
  }
  return out;
}

}  // namespace norroy
