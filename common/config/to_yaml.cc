#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/config/config.h"
#include "common/config/message_reader.h"
#include "common/error/error.h"

namespace norroy::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

using Lines = std::vector<std::string>;

constexpr int kSingular = -1;

// What reads as the same text without quotes, to us and to any other YAML reader.
bool IsPlain(absl::string_view text) {
  if (text.empty() || (!absl::ascii_isalpha(text[0]) && text[0] != '/')) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("._/-", c)) return false;
  }
  for (const absl::string_view word :
       {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}) {
    if (absl::EqualsIgnoreCase(text, word)) return false;
  }
  return true;
}

// The character of UTF-8 that begins here, and its code point; messages hold nothing else.
absl::string_view CharacterAt(absl::string_view text, size_t at, uint32_t& code_point) {
  const unsigned char first = static_cast<unsigned char>(text[at]);
  const size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  const absl::string_view character = text.substr(at, length);
  code_point = length == 1 ? first : first & (0x7Fu >> length);
  for (const char c : character.substr(1)) {
    code_point = code_point << 6 | (static_cast<unsigned char>(c) & 0x3Fu);
  }
  return character;
}

std::string TextScalar(absl::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    uint32_t code_point = 0;
    const absl::string_view character = CharacterAt(text, i, code_point);
    i += character.size();
    if (character == "\"" || character == "\\") {
      absl::StrAppend(&out, "\\", character);
    } else if (character == "\n") {
      out += "\\n";
    } else if (Printable(character) == character) {
      absl::StrAppend(&out, character);
    } else {
      absl::StrAppendFormat(&out, "\\u%04x", code_point);
    }
  }
  return out + '"';
}

std::string StringOf(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  return index == kSingular ? r.GetString(message, &field)
                            : r.GetRepeatedString(message, &field, index);
}

// One value of a field that is no message.
std::string Scalar(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool one = index == kSingular;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index))
                 ? "true"
                 : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(one ? r.GetInt32(message, &field)
                              : r.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(one ? r.GetInt64(message, &field)
                              : r.GetRepeatedInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(one ? r.GetUInt32(message, &field)
                              : r.GetRepeatedUInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(one ? r.GetUInt64(message, &field)
                              : r.GetRepeatedUInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumValueKey(
          *(one ? r.GetEnum(message, &field) : r.GetRepeatedEnum(message, &field, index)));
    default:
      return TextScalar(StringOf(message, field, index));
  }
}

Lines MessageLines(const Message& message);

// "<head>" followed by a message's lines below it.
void AppendMessage(const std::string& head, const Message& message, Lines& out) {
  const Lines lines = MessageLines(message);
  out.push_back(lines.empty() ? head + " {}" : head);
  for (const std::string& line : lines) out.push_back("  " + line);
}

void AppendList(const Message& message, const FieldDescriptor& field, Lines& out) {
  const Reflection& reflection = *message.GetReflection();
  out.push_back(field.name() + ":");
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      out.push_back("  - " + Scalar(message, field, i));
      continue;
    }
    const Lines lines = MessageLines(reflection.GetRepeatedMessage(message, &field, i));
    if (lines.empty()) out.push_back("  - {}");
    for (size_t j = 0; j < lines.size(); ++j) out.push_back((j == 0 ? "  - " : "    ") + lines[j]);
  }
}

// Entries in the order of their keys: the file is the same for the same message.
void AppendMap(const Message& message, const FieldDescriptor& field, Lines& out) {
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  std::vector<const Message*> entries;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    entries.push_back(&reflection.GetRepeatedMessage(message, &field, i));
  }
  std::sort(entries.begin(), entries.end(), [&key](const Message* a, const Message* b) {
    return StringOf(*a, key, kSingular) < StringOf(*b, key, kSingular);
  });
  out.push_back(field.name() + ":");
  for (const Message* entry : entries) {
    const std::string head = "  " + TextScalar(StringOf(*entry, key, kSingular)) + ":";
    if (value.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      out.push_back(head + " " + Scalar(*entry, value, kSingular));
      continue;
    }
    Lines lines;
    AppendMessage(head, entry->GetReflection()->GetMessage(*entry, &value), lines);
    for (size_t i = 0; i < lines.size(); ++i) out.push_back((i == 0 ? "" : "  ") + lines[i]);
  }
}

Lines MessageLines(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  Lines lines;
  for (const FieldDescriptor* field : fields) {
    if (field->is_map()) {
      AppendMap(message, *field, lines);
    } else if (field->is_repeated()) {
      AppendList(message, *field, lines);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AppendMessage(field->name() + ":", reflection.GetMessage(message, field), lines);
    } else {
      lines.push_back(field->name() + ": " + Scalar(message, *field, kSingular));
    }
  }
  return lines;
}

}  // namespace

std::string ToYaml(const Message& message) {
  std::string out;
  for (const std::string& line : MessageLines(message)) absl::StrAppend(&out, line, "\n");
  return out;
}

}  // namespace norroy::config
