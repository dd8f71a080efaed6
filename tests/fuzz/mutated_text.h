#ifndef NORROY_TESTS_FUZZ_MUTATED_TEXT_H_
#define NORROY_TESTS_FUZZ_MUTATED_TEXT_H_

// One value of a format, changed: what the format's own mutators share.

#include <random>
#include <string>

namespace norroy::fuzz {

// One byte more, a few less, another one, or a part of it twice.
std::string MutatedText(std::string text, std::minstd_rand& random);

}  // namespace norroy::fuzz

#endif  // NORROY_TESTS_FUZZ_MUTATED_TEXT_H_
