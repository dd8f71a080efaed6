#include "common/config/message_reader.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaxShown = 64;

// Levenshtein's distance, for words of at most kMaxShown characters.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// "did you mean ...?", or all there is.
std::string Suggestion(absl::string_view word, const std::vector<std::string>& known) {
  word = word.substr(0, kMaxShown);
  const auto nearest = std::min_element(known.begin(), known.end(),
                                        [word](const std::string& a, const std::string& b) {
                                          return Distance(word, a) < Distance(word, b);
                                        });
  if (nearest == known.end()) return "";
  if (Distance(word, *nearest) <= std::max<size_t>(1, word.size() / 3)) {
    return absl::StrCat("; did you mean \"", *nearest, "\"?");
  }
  return absl::StrCat("; known are ", absl::StrJoin(known, ", "));
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", Printable(text, kMaxShown), "\"");
}

std::vector<std::string> FieldNames(const Descriptor& descriptor) {
  std::vector<std::string> names;
  for (int i = 0; i < descriptor.field_count(); ++i) names.push_back(descriptor.field(i)->name());
  return names;
}

// Where in the file and in the schema a value stands.
struct Value {
  const YamlNode& node;
  std::string path;  // "cas[0].directory_url"
};

class Reader {
 public:
  explicit Reader(const YamlSource& source) : source_(source) {}

  absl::Status Read(const Value& value, Message& message) {
    if (value.node.kind != YamlNode::Kind::kMap) {
      return WrongKind(value, "keys and values, as in \"key: value\"");
    }
    std::map<std::string, size_t> seen;
    const std::vector<YamlNode>& items = value.node.items;
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      NORROY_RETURN_IF_ERROR(CheckKey(items[i], seen));
      NORROY_RETURN_IF_ERROR(ReadField(items[i], items[i + 1], value.path, message));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status WrongKind(const Value& value, absl::string_view wanted) {
    return source_.ErrorAt(value.node.offset,
                           absl::StrCat(value.path.empty() ? "the file" : value.path, ": expected ",
                                        wanted, ", got ", YamlKindName(value.node)));
  }

  absl::Status CheckKey(const YamlNode& key, std::map<std::string, size_t>& seen) {
    if (key.kind != YamlNode::Kind::kScalar) {
      return source_.ErrorAt(key.offset, absl::StrCat("a key is a word, not ", YamlKindName(key)));
    }
    if (!seen.emplace(key.scalar, key.offset).second) {
      return source_.ErrorAt(key.offset,
                             absl::StrCat("key ", Quoted(key.scalar), " appears twice"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadField(const YamlNode& key, const YamlNode& node, const std::string& path,
                         Message& message) {
    const Descriptor& descriptor = *message.GetDescriptor();
    const FieldDescriptor* field = descriptor.FindFieldByName(key.scalar);
    if (field == nullptr) {
      return source_.ErrorAt(
          key.offset, absl::StrCat("unknown key ", Quoted(key.scalar), path.empty() ? "" : " in ",
                                   path, Suggestion(key.scalar, FieldNames(descriptor))));
    }
    const Value value{node, path.empty() ? field->name() : absl::StrCat(path, ".", field->name())};
    NORROY_RETURN_IF_ERROR(CheckPresent(key, value));
    if (field->is_map()) return ReadMap(*field, value, message);
    if (field->is_repeated()) return ReadList(*field, value, message);
    return ReadOne(*field, value, message);
  }

  // "key:" alone, "~" and "null" say neither that a default is wanted nor what else.
  absl::Status CheckPresent(const YamlNode& where, const Value& value) {
    if (value.node.kind != YamlNode::Kind::kNull) return absl::OkStatus();
    return source_.ErrorAt(where.offset, absl::StrCat(value.path,
                                                      ": has no value; leave it out for the "
                                                      "default, or write \"\" for empty text"));
  }

  absl::Status ReadList(const FieldDescriptor& field, const Value& value, Message& message) {
    if (value.node.kind != YamlNode::Kind::kList) {
      return WrongKind(value, "a list, as in \"[a, b]\" or lines of \"- a\"");
    }
    for (size_t i = 0; i < value.node.items.size(); ++i) {
      const Value item{value.node.items[i], absl::StrCat(value.path, "[", i, "]")};
      NORROY_RETURN_IF_ERROR(CheckPresent(item.node, item));
      NORROY_RETURN_IF_ERROR(ReadOne(field, item, message));
    }
    return absl::OkStatus();
  }

  absl::Status ReadMap(const FieldDescriptor& field, const Value& value, Message& message) {
    if (value.node.kind != YamlNode::Kind::kMap) {
      return WrongKind(value, "keys and values, as in \"key: value\"");
    }
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    if (key_field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return Unsupported(value);
    std::map<std::string, size_t> seen;
    const std::vector<YamlNode>& items = value.node.items;
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      NORROY_RETURN_IF_ERROR(CheckKey(items[i], seen));
      const Value item{items[i + 1], absl::StrCat(value.path, "[", Quoted(items[i].scalar), "]")};
      NORROY_RETURN_IF_ERROR(CheckPresent(items[i], item));
      Message& entry = *message.GetReflection()->AddMessage(&message, &field);
      entry.GetReflection()->SetString(&entry, &key_field, items[i].scalar);
      NORROY_RETURN_IF_ERROR(ReadOne(*field.message_type()->map_value(), item, entry));
    }
    return absl::OkStatus();
  }

  // One value: a field's, or one more of a repeated field's.
  absl::Status ReadOne(const FieldDescriptor& field, const Value& value, Message& message) {
    const Reflection& reflection = *message.GetReflection();
    if (const auto* oneof = field.real_containing_oneof();
        oneof != nullptr && reflection.HasOneof(message, oneof)) {
      return source_.ErrorAt(value.node.offset, absl::StrCat(value.path, ": only one of the \"",
                                                             oneof->name(), "\" keys can be set"));
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return Read(value, field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                             : *reflection.MutableMessage(&message, &field));
    }
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return ReadString(field, value, message);
      case FieldDescriptor::CPPTYPE_BOOL:
        return ReadBool(field, value, message);
      case FieldDescriptor::CPPTYPE_ENUM:
        return ReadEnum(field, value, message);
      case FieldDescriptor::CPPTYPE_INT32:
      case FieldDescriptor::CPPTYPE_INT64:
      case FieldDescriptor::CPPTYPE_UINT32:
      case FieldDescriptor::CPPTYPE_UINT64:
        return ReadNumber(field, value, message);
      default:
        return Unsupported(value);
    }
  }

  absl::Status ReadString(const FieldDescriptor& field, const Value& value, Message& message) {
    if (field.type() != FieldDescriptor::TYPE_STRING) return Unsupported(value);
    if (value.node.kind != YamlNode::Kind::kScalar) return WrongKind(value, "text");
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      reflection.AddString(&message, &field, value.node.scalar);
    } else {
      reflection.SetString(&message, &field, value.node.scalar);
    }
    return absl::OkStatus();
  }

  absl::Status ReadBool(const FieldDescriptor& field, const Value& value, Message& message) {
    const YamlNode& node = value.node;
    const bool is_true = node.scalar == "true";
    if (node.kind != YamlNode::Kind::kScalar || node.quoted ||
        (!is_true && node.scalar != "false")) {
      return WrongScalar(value, "true or false, without quotes");
    }
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      reflection.AddBool(&message, &field, is_true);
    } else {
      reflection.SetBool(&message, &field, is_true);
    }
    return absl::OkStatus();
  }

  absl::Status ReadEnum(const FieldDescriptor& field, const Value& value, Message& message) {
    const EnumDescriptor& type = *field.enum_type();
    std::vector<std::string> known;
    const EnumValueDescriptor* found = nullptr;
    // Number 0 says that nothing was said: it has no word.
    for (int i = 0; i < type.value_count(); ++i) {
      if (type.value(i)->number() == 0) continue;
      known.push_back(EnumValueKey(*type.value(i)));
      if (known.back() == value.node.scalar) found = type.value(i);
    }
    if (value.node.kind != YamlNode::Kind::kScalar || found == nullptr) {
      return WrongScalar(value, absl::StrCat("one of ", absl::StrJoin(known, ", ")));
    }
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      reflection.AddEnum(&message, &field, found);
    } else {
      reflection.SetEnum(&message, &field, found);
    }
    return absl::OkStatus();
  }

  absl::Status ReadNumber(const FieldDescriptor& field, const Value& value, Message& message) {
    const YamlNode& node = value.node;
    const absl::string_view digits = node.scalar;
    const bool whole = !digits.empty() &&
                       std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) &&
                       (digits.size() == 1 || digits[0] != '0');
    if (node.kind != YamlNode::Kind::kScalar || node.quoted || !whole) {
      return WrongScalar(value, "a whole number, decimal, not negative, without quotes");
    }
    const uint64_t max = MaxOf(field);
    uint64_t number = 0;
    if (!absl::SimpleAtoi(digits, &number) || number > max) {
      return WrongScalar(value, absl::StrCat("a number of at most ", max));
    }
    SetNumber(field, number, message);
    return absl::OkStatus();
  }

  static uint64_t MaxOf(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return std::numeric_limits<int32_t>::max();
      case FieldDescriptor::CPPTYPE_INT64:
        return std::numeric_limits<int64_t>::max();
      case FieldDescriptor::CPPTYPE_UINT32:
        return std::numeric_limits<uint32_t>::max();
      default:
        return std::numeric_limits<uint64_t>::max();
    }
  }

  // `number` is within MaxOf(field).
  static void SetNumber(const FieldDescriptor& field, uint64_t number, Message& message) {
    const Reflection& r = *message.GetReflection();
    const bool add = field.is_repeated();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: {
        const auto value = static_cast<int32_t>(number);
        return add ? r.AddInt32(&message, &field, value) : r.SetInt32(&message, &field, value);
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        const auto value = static_cast<int64_t>(number);
        return add ? r.AddInt64(&message, &field, value) : r.SetInt64(&message, &field, value);
      }
      case FieldDescriptor::CPPTYPE_UINT32: {
        const auto value = static_cast<uint32_t>(number);
        return add ? r.AddUInt32(&message, &field, value) : r.SetUInt32(&message, &field, value);
      }
      default:
        return add ? r.AddUInt64(&message, &field, number) : r.SetUInt64(&message, &field, number);
    }
  }

  absl::Status WrongScalar(const Value& value, absl::string_view wanted) {
    if (value.node.kind != YamlNode::Kind::kScalar) return WrongKind(value, wanted);
    return source_.ErrorAt(
        value.node.offset,
        absl::StrCat(value.path, ": expected ", wanted, ", got ",
                     value.node.quoted ? "quoted " : "", Quoted(value.node.scalar)));
  }

  absl::Status Unsupported(const Value& value) {
    return source_.ErrorAt(value.node.offset,
                           absl::StrCat(value.path, ": cannot be set in a file"));
  }

  const YamlSource& source_;
};

}  // namespace

absl::Status ReadMessage(const YamlSource& source, const YamlNode& root, Message& message) {
  return Reader(source).Read(Value{root, ""}, message);
}

std::string EnumValueKey(const EnumValueDescriptor& value) {
  // "HttpMatch" -> "http_match_"
  std::string prefix;
  for (const char c : value.type()->name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_tolower(c);
  }
  prefix += '_';
  const std::string key = absl::AsciiStrToLower(value.name());
  return std::string(absl::StripPrefix(key, prefix));
}

}  // namespace norroy::config
