#include "tests/fuzz/replay.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "common/check.h"

namespace norroy::fuzz {
namespace {

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// One to four changes of one byte each: another value, one bit, one more, one less.
std::string Mutated(std::string text, std::minstd_rand& random) {
  const int changes = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < changes; ++i) {
    const size_t at = text.empty() ? 0 : random() % text.size();
    const char byte = static_cast<char>(random() % 256);
    const int kind = static_cast<int>(random() % 4);
    if (text.empty() || kind == 0) {
      text.insert(text.begin() + static_cast<std::ptrdiff_t>(at), byte);
    } else if (kind == 1) {
      text.erase(at, 1);
    } else if (kind == 2) {
      text[at] = byte;
    } else {
      text[at] = static_cast<char>(text[at] ^ (1 << (random() % 8)));
    }
  }
  return text;
}

}  // namespace

void Replay(const std::vector<std::string>& corpus, int mutations, size_t cuts) {
  std::minstd_rand random(20260301);
  for (const std::string& entry : corpus) {
    Run(entry);
    for (size_t cut = 0; cut < std::min(entry.size(), cuts); ++cut) Run(entry.substr(0, cut));
    for (int i = 0; i < mutations; ++i) Run(Mutated(entry, random));
  }
}

std::vector<std::string> ReadCorpus(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    NORROY_CHECK(stream.good());
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return corpus;
}

}  // namespace norroy::fuzz
