#include "tests/fuzz/poke.h"

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace norroy::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMany = 10'001;
constexpr int kDepth = 3;

using Change = std::function<void(Message& message)>;

struct NamedChange {
  std::string what;
  Change change;
};

struct Text {
  const char* what;
  std::string value;
};

// Caps of ours lie between these, with one below and one above each.
const std::vector<Text>& Texts() {
  static const auto* const texts = new std::vector<Text>{
      {"empty", ""},
      {"1 byte", "a"},
      {"64 bytes", std::string(64, 'a')},
      {"65 bytes", std::string(65, 'a')},
      {"257 bytes", std::string(257, 'a')},
      {"1025 bytes", std::string(1025, 'a')},
      {"100 KiB", std::string(100 * 1024, 'a')},
      {"control characters", std::string("a\x1b[2J\n\0b", 8)},
      {"a path", "../../etc/passwd"},
      {"SQL", "' OR 1=1 --"},
      {"format", "%s%n{}"},
      {"right-to-left", "\xe2\x80\xaetxt"},
      {"a name", "www.example.test"},
      {"a wildcard", "*.example.test"},
      {"a number", "-99999999999999999999"},
  };
  return *texts;
}

Change SetText(const FieldDescriptor* field, std::string value) {
  return [field, value = std::move(value)](Message& message) {
    message.GetReflection()->SetString(&message, field, value);
  };
}

// The ends of each range, and what is near them.
std::vector<NamedChange> NumberChanges(const FieldDescriptor* field) {
  std::vector<NamedChange> changes;
  for (const int64_t value :
       {int64_t{-1}, int64_t{1}, int64_t{1001}, int64_t{1'000'000},
        std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    changes.push_back({absl::StrCat(value), [field, value](Message& message) {
                         const Reflection& reflection = *message.GetReflection();
                         switch (field->cpp_type()) {
                           case FieldDescriptor::CPPTYPE_INT32:
                             reflection.SetInt32(&message, field, static_cast<int32_t>(value));
                             break;
                           case FieldDescriptor::CPPTYPE_INT64:
                             reflection.SetInt64(&message, field, value);
                             break;
                           case FieldDescriptor::CPPTYPE_UINT32:
                             reflection.SetUInt32(&message, field, static_cast<uint32_t>(value));
                             break;
                           case FieldDescriptor::CPPTYPE_UINT64:
                             reflection.SetUInt64(&message, field, static_cast<uint64_t>(value));
                             break;
                           case FieldDescriptor::CPPTYPE_DOUBLE:
                             reflection.SetDouble(&message, field,
                                                  value < 0
                                                      ? std::numeric_limits<double>::quiet_NaN()
                                                      : static_cast<double>(value));
                             break;
                           default:
                             break;
                         }
                       }});
  }
  return changes;
}

std::vector<NamedChange> ScalarChanges(const FieldDescriptor* field) {
  std::vector<NamedChange> changes;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      for (const Text& text : Texts()) changes.push_back({text.what, SetText(field, text.value)});
      return changes;
    case FieldDescriptor::CPPTYPE_BOOL:
      for (const bool value : {false, true}) {
        changes.push_back({value ? "true" : "false", [field, value](Message& message) {
                             message.GetReflection()->SetBool(&message, field, value);
                           }});
      }
      return changes;
    case FieldDescriptor::CPPTYPE_ENUM:
      for (const int value : {-1, 0, 1, 2, 99, std::numeric_limits<int>::max()}) {
        changes.push_back({absl::StrCat("enum ", value), [field, value](Message& message) {
                             message.GetReflection()->SetEnumValue(&message, field, value);
                           }});
      }
      return changes;
    default:
      return NumberChanges(field);
  }
}

void AddOne(Message& message, const FieldDescriptor* field, int number) {
  const Reflection& reflection = *message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.AddString(&message, field, absl::StrCat("n", number));
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.AddEnumValue(&message, field, number);
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.AddInt32(&message, field, number);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.AddInt64(&message, field, number);
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      Message& element = *reflection.AddMessage(&message, field);
      // Entries of a map want keys of their own.
      const FieldDescriptor* const key = element.GetDescriptor()->FindFieldByName("key");
      if (field->is_map() && key != nullptr) {
        element.GetReflection()->SetString(&element, key, absl::StrCat("k", number));
      }
      return;
    }
    default:
      return;
  }
}

std::vector<NamedChange> ListChanges(const FieldDescriptor* field) {
  std::vector<NamedChange> changes;
  for (const int size : {0, 1, 101, kMany}) {
    changes.push_back({absl::StrCat(size, " elements"), [field, size](Message& message) {
                         message.GetReflection()->ClearField(&message, field);
                         for (int i = 0; i < size; ++i) AddOne(message, field, i);
                       }});
  }
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return changes;
  for (const Text& text : Texts()) {
    changes.push_back({absl::StrCat("an element: ", text.what), [field, text](Message& message) {
                         message.GetReflection()->AddString(&message, field, text.value);
                       }});
  }
  return changes;
}

std::vector<NamedChange> ChangesOf(const google::protobuf::Descriptor* descriptor, int depth);

// The same inside a message that this field holds, or an element of it.
std::vector<NamedChange> InnerChanges(const FieldDescriptor* field, int depth) {
  std::vector<NamedChange> changes;
  changes.push_back({"an empty message", [field](Message& message) {
                       message.GetReflection()->MutableMessage(&message, field)->Clear();
                     }});
  if (depth == 0) return changes;
  for (NamedChange& inner : ChangesOf(field->message_type(), depth - 1)) {
    changes.push_back({std::move(inner.what), [field, change = inner.change](Message& message) {
                         const Reflection& reflection = *message.GetReflection();
                         change(field->is_repeated() ? *reflection.AddMessage(&message, field)
                                                     : *reflection.MutableMessage(&message, field));
                       }});
  }
  if (field->is_repeated()) changes.erase(changes.begin());
  return changes;
}

std::vector<NamedChange> ChangesOf(const FieldDescriptor* field, int depth) {
  std::vector<NamedChange> changes;
  if (field->is_repeated()) changes = ListChanges(field);
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (field->is_map()) return changes;
    for (NamedChange& inner : InnerChanges(field, depth)) changes.push_back(std::move(inner));
  } else if (!field->is_repeated()) {
    changes = ScalarChanges(field);
  }
  return changes;
}

std::vector<NamedChange> ChangesOf(const google::protobuf::Descriptor* descriptor, int depth) {
  std::vector<NamedChange> changes;
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* const field = descriptor->field(i);
    for (NamedChange& change : ChangesOf(field, depth)) {
      changes.push_back({absl::StrCat(field->name(), ": ", change.what), std::move(change.change)});
    }
  }
  return changes;
}

}  // namespace

std::vector<Poke> PokesOf(const Message& base) {
  std::vector<Poke> pokes;
  for (const NamedChange& change : ChangesOf(base.GetDescriptor(), kDepth)) {
    Poke poke{change.what, std::unique_ptr<Message>(base.New())};
    poke.message->CopyFrom(base);
    change.change(*poke.message);
    pokes.push_back(std::move(poke));
  }
  return pokes;
}

}  // namespace norroy::fuzz
