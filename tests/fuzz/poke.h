#ifndef NORROY_TESTS_FUZZ_POKE_H_
#define NORROY_TESTS_FUZZ_POKE_H_

// Every field of a message, one at a time, with what a careless or hostile caller could put there:
// texts of every size and alphabet, numbers at their ends, unknown enum values, times out of range,
// lists and maps far too long. From descriptors: a field that is added is poked too.

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

namespace norroy::fuzz {

struct Poke {
  std::string what;  // "names: 10001 elements"
  std::unique_ptr<google::protobuf::Message> message;
};

// Changes of `base`, at most three messages deep.
std::vector<Poke> PokesOf(const google::protobuf::Message& base);

}  // namespace norroy::fuzz

#endif  // NORROY_TESTS_FUZZ_POKE_H_
