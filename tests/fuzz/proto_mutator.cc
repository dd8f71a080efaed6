#include "tests/fuzz/proto_mutator.h"

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/mutated_text.h"

namespace norroy::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kWholeList = -1;

// What can be changed: a field that is one value, one text of a list, or a list as a list.
struct Leaf {
  Message* message;
  const FieldDescriptor* field;
  int index = 0;
};

void CollectLeaves(Message& message, std::vector<Leaf>& leaves) {
  std::vector<const FieldDescriptor*> fields;
  const Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!field->is_repeated()) {
      if (is_message) {
        CollectLeaves(*reflection.MutableMessage(&message, field), leaves);
      } else {
        leaves.push_back({&message, field});
      }
      continue;
    }
    if (field->is_map()) continue;
    leaves.push_back({&message, field, kWholeList});
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (is_message) {
        CollectLeaves(*reflection.MutableRepeatedMessage(&message, field, i), leaves);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        leaves.push_back({&message, field, i});
      }
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
      return static_cast<int64_t>(static_cast<uint64_t>(number) +
                                  static_cast<uint64_t>(small * 3600));
    case 2:
      return static_cast<int64_t>(static_cast<uint64_t>(random()) << (random() % 33));
    default:
      return static_cast<int64_t>(static_cast<uint64_t>(number) + static_cast<uint64_t>(small));
  }
}

// One element less, one changed for another, or one twice.
void MutateList(const Leaf& list, std::minstd_rand& random) {
  const Reflection& reflection = *list.message->GetReflection();
  const int size = reflection.FieldSize(*list.message, list.field);
  const int one = static_cast<int>(random() % static_cast<unsigned>(size));
  reflection.SwapElements(list.message, list.field, one, size - 1);
  const unsigned kind = random() % 4;
  if (kind == 0) reflection.RemoveLast(list.message, list.field);
  if (kind < 2) return;
  if (list.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    const std::string text = reflection.GetRepeatedString(*list.message, list.field, size - 1);
    reflection.AddString(list.message, list.field, text);
  } else if (list.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    Message& copy = *reflection.AddMessage(list.message, list.field);
    copy.CopyFrom(reflection.GetRepeatedMessage(*list.message, list.field, size - 1));
  }
}

void MutateText(const Leaf& leaf, std::minstd_rand& random) {
  const Reflection& reflection = *leaf.message->GetReflection();
  if (leaf.field->is_repeated()) {
    const std::string text = reflection.GetRepeatedString(*leaf.message, leaf.field, leaf.index);
    reflection.SetRepeatedString(leaf.message, leaf.field, leaf.index, MutatedText(text, random));
    return;
  }
  reflection.SetString(leaf.message, leaf.field,
                       MutatedText(reflection.GetString(*leaf.message, leaf.field), random));
}

}  // namespace

void MutateOneField(Message& message, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<Leaf> leaves;
  CollectLeaves(message, leaves);
  if (leaves.empty()) return;
  const Leaf leaf = leaves[random() % leaves.size()];
  if (leaf.index == kWholeList) return MutateList(leaf, random);
  const Reflection& reflection = *leaf.message->GetReflection();
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
    case FieldDescriptor::CPPTYPE_UINT32:
      reflection.SetUInt32(leaf.message, leaf.field,
                           static_cast<uint32_t>(MutatedNumber(
                               reflection.GetUInt32(*leaf.message, leaf.field), random)));
      return;
    case FieldDescriptor::CPPTYPE_STRING:
      MutateText(leaf, random);
      return;
    default:
      // No message of ours has other numbers.
      return;
  }
}

}  // namespace norroy::fuzz
