#include "tests/fuzz/program.h"

#include <algorithm>
#include <random>
#include <utility>

extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t max_size);

namespace norroy::fuzz {
namespace {

constexpr absl::string_view kDigits =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

int ValueOf(char c) {
  const size_t at = kDigits.find(c);
  return static_cast<int>(at == absl::string_view::npos ? static_cast<uint8_t>(c) % 64 : at);
}

char VerbOf(char c, absl::string_view verbs) {
  return verbs.find(c) != absl::string_view::npos ? c
                                                  : verbs[static_cast<uint8_t>(c) % verbs.size()];
}

// Small arguments mean more.
int Argument(std::minstd_rand& random) {
  return static_cast<int>(random() % 4 == 0 ? random() % 64 : random() % 12);
}

Operation Drawn(absl::string_view verbs, std::minstd_rand& random) {
  return {verbs[random() % verbs.size()], Argument(random), Argument(random)};
}

void MutateOnce(std::vector<Operation>& program, absl::string_view verbs,
                std::minstd_rand& random) {
  const auto place = [&] { return static_cast<std::ptrdiff_t>(random() % program.size()); };
  const auto kind = program.empty() ? 0 : random() % 7;
  if (kind <= 1) {
    const auto at = static_cast<std::ptrdiff_t>(random() % (program.size() + 1));
    program.insert(program.begin() + at, Drawn(verbs, random));
  } else if (kind == 2) {
    program.erase(program.begin() + place());
  } else if (kind == 3) {
    const Operation again = program[static_cast<size_t>(place())];
    program.insert(program.begin() + place(), again);
  } else if (kind == 4) {
    std::swap(program[static_cast<size_t>(place())], program[static_cast<size_t>(place())]);
  } else {
    Operation& one = program[static_cast<size_t>(place())];
    (kind == 5 ? one.a : one.b) = Argument(random);
  }
}

}  // namespace

std::vector<Operation> ReadProgram(absl::string_view text, absl::string_view verbs, size_t max) {
  std::string dense;
  for (const char c : text) {
    if (c != ' ' && c != '\n') dense.push_back(c);
  }
  std::vector<Operation> program;
  for (size_t i = 0; i + 3 <= dense.size() && program.size() < max; i += 3) {
    program.push_back({VerbOf(dense[i], verbs), ValueOf(dense[i + 1]), ValueOf(dense[i + 2])});
  }
  return program;
}

std::string WriteProgram(const std::vector<Operation>& program) {
  std::string text;
  for (const Operation& one : program) {
    if (!text.empty()) text.push_back(' ');
    text.push_back(one.verb);
    text.push_back(kDigits[static_cast<size_t>(one.a)]);
    text.push_back(kDigits[static_cast<size_t>(one.b)]);
  }
  return text;
}

std::vector<Operation> MutatedProgram(std::vector<Operation> program, absl::string_view verbs,
                                      unsigned seed) {
  std::minstd_rand random(seed);
  const auto changes = 1 + random() % 3;
  for (unsigned i = 0; i < changes; ++i) MutateOnce(program, verbs, random);
  return program;
}

size_t MutateProgramInput(uint8_t* data, size_t size, size_t max_size, unsigned seed,
                          absl::string_view verbs, size_t max) {
  if (seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Operation> program = MutatedProgram(ReadProgram(text, verbs, max), verbs, seed);
  if (program.size() > max) program.resize(max);
  const std::string bytes = WriteProgram(program);
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

}  // namespace norroy::fuzz
