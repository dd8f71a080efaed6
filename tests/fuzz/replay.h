#ifndef NORROY_TESTS_FUZZ_REPLAY_H_
#define NORROY_TESTS_FUZZ_REPLAY_H_

// Runs a fuzz target without a fuzzer: over a corpus, over every beginning of its entries, and over
// mutations of them that a fixed seed draws. So the ordinary test run keeps the target's oracles
// true, and a crash that the fuzzer found stays found as one more corpus entry. For tests.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace norroy::fuzz {

inline constexpr size_t kMaxCuts = 128;

// Cuts at up to `cuts` places, and makes `mutations` changed copies of each entry.
void Replay(const std::vector<std::string>& corpus, int mutations, size_t cuts = kMaxCuts);

// The files of a folder, by name; a folder that cannot be read ends the test.
std::vector<std::string> ReadCorpus(const std::string& folder);

}  // namespace norroy::fuzz

#endif  // NORROY_TESTS_FUZZ_REPLAY_H_
