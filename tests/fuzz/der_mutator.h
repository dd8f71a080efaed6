#ifndef NORROY_TESTS_FUZZ_DER_MUTATOR_H_
#define NORROY_TESTS_FUZZ_DER_MUTATOR_H_

// Changes DER as a fuzzer should: one element at a time, with the lengths around it put right.
// Bytes that are changed blindly seldom get past the outermost length.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::fuzz {

// Goes into what OCTET STRING and BIT STRING hold. Bytes that are no DER come back as they are.
std::string MutatedDer(absl::string_view der, unsigned seed);

// All of an LLVMFuzzerCustomMutator for a twin whose input may be one SEQUENCE; what is not, and a
// quarter of what is, is left to libFuzzer's own mutations.
size_t MutateDerInput(uint8_t* data, size_t size, size_t max_size, unsigned seed);

}  // namespace norroy::fuzz

#endif  // NORROY_TESTS_FUZZ_DER_MUTATOR_H_
