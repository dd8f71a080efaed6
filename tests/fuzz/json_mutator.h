#ifndef NORROY_TESTS_FUZZ_JSON_MUTATOR_H_
#define NORROY_TESTS_FUZZ_JSON_MUTATOR_H_

// Changes JSON as a fuzzer should: one string, or one value that comes twice, so that what was well
// formed mostly stays so.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::fuzz {

// Text without a string in quotes comes back as it is.
std::string MutatedJson(absl::string_view json, unsigned seed);

// All of an LLVMFuzzerCustomMutator; half of the inputs are left to libFuzzer's own mutations.
size_t MutateJsonInput(uint8_t* data, size_t size, size_t max_size, unsigned seed);

}  // namespace norroy::fuzz

#endif  // NORROY_TESTS_FUZZ_JSON_MUTATOR_H_
