#ifndef NORROY_TESTS_FUZZ_PROGRAM_H_
#define NORROY_TESTS_FUZZ_PROGRAM_H_

// Input that is a program, for targets with a state: a sequence of operations of three characters,
// the verb and two arguments, as in "c03 t50 k21". Blanks count for nothing, and every sequence of
// bytes is some program, so that a fuzzer loses nothing; what people write can be read.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace norroy::fuzz {

struct Operation {
  char verb = 0;
  int a = 0;  // 0 to 63: 0-9, a-z, A-Z, "-", "_"; other bytes by their lowest six bits
  int b = 0;
};

// At most `max` operations; `verbs` are those that there are: another byte stands for one of them.
std::vector<Operation> ReadProgram(absl::string_view text, absl::string_view verbs, size_t max);
std::string WriteProgram(const std::vector<Operation>& program);

// One operation more, less, twice, elsewhere, or with another argument.
std::vector<Operation> MutatedProgram(std::vector<Operation> program, absl::string_view verbs,
                                      unsigned seed);

// All of an LLVMFuzzerCustomMutator; one input in eight is left to libFuzzer's own mutations.
size_t MutateProgramInput(uint8_t* data, size_t size, size_t max_size, unsigned seed,
                          absl::string_view verbs, size_t max);

}  // namespace norroy::fuzz

#endif  // NORROY_TESTS_FUZZ_PROGRAM_H_
