#include "tests/fuzz/mutated_text.h"

namespace norroy::fuzz {

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

}  // namespace norroy::fuzz
