#include "tests/fuzz/proto_mutator.h"

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace norroy::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Leaf {
  Message* message;
  const FieldDescriptor* field;
};

void CollectLeaves(Message& message, std::vector<Leaf>& leaves) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated()) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      CollectLeaves(*message.GetReflection()->MutableMessage(&message, field), leaves);
    } else {
      leaves.push_back({&message, field});
    }
  }
}

// Near what it was, near zero, or anywhere.
int64_t MutatedNumber(int64_t number, std::minstd_rand& random) {
  const auto small = static_cast<int64_t>(random() % 200) - 100;
  switch (random() % 4) {
    case 0:
      return small;
    case 1:
      return number + small * 3600;
    case 2:
      return static_cast<int64_t>(static_cast<uint64_t>(random()) << (random() % 33));
    default:
      return static_cast<int64_t>(static_cast<uint64_t>(number) + static_cast<uint64_t>(small));
  }
}

std::string MutatedText(std::string text, std::minstd_rand& random) {
  const size_t at = text.empty() ? 0 : random() % text.size();
  switch (random() % 4) {
    case 0:
      text.insert(at, 1, static_cast<char>(random() % 256));
      break;
    case 1:
      if (!text.empty()) text.erase(at, 1 + random() % 4);
      break;
    case 2:
      if (!text.empty()) text[at] = static_cast<char>('0' + random() % 75);
      break;
    default:
      text.insert(at, text.substr(at, 1 + random() % 64));
      break;
  }
  return text;
}

}  // namespace

void MutateOneField(Message& message, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<Leaf> leaves;
  CollectLeaves(message, leaves);
  if (leaves.empty()) return;
  const Leaf leaf = leaves[random() % leaves.size()];
  const google::protobuf::Reflection& reflection = *leaf.message->GetReflection();
  switch (leaf.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection.SetBool(leaf.message, leaf.field, random() % 2 == 0);
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection.SetEnumValue(leaf.message, leaf.field, static_cast<int>(random() % 5));
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      reflection.SetInt32(leaf.message, leaf.field,
                          static_cast<int32_t>(MutatedNumber(
                              reflection.GetInt32(*leaf.message, leaf.field), random)));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      reflection.SetInt64(leaf.message, leaf.field,
                          MutatedNumber(reflection.GetInt64(*leaf.message, leaf.field), random));
      return;
    case FieldDescriptor::CPPTYPE_STRING:
      reflection.SetString(leaf.message, leaf.field,
                           MutatedText(reflection.GetString(*leaf.message, leaf.field), random));
      return;
    default:
      // No message of ours has other numbers.
      return;
  }
}

}  // namespace norroy::fuzz
