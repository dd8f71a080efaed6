#include "tests/fuzz/json_mutator.h"

#include <algorithm>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/mutated_text.h"

// libFuzzer's; a replay without it never asks for mutations.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t max_size);

namespace norroy::fuzz {
namespace {

struct Span {
  size_t begin = 0;
  size_t end = 0;
};

struct Spans {
  std::vector<Span> strings;  // with their quotes
  std::vector<Span> values;   // strings, objects and arrays
};

// Where values lie, as far as quotes and brackets tell.
Spans Find(absl::string_view json) {
  Spans spans;
  std::vector<size_t> open;
  for (size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (c == '{' || c == '[') open.push_back(at);
    if ((c == '}' || c == ']') && !open.empty()) {
      spans.values.push_back({open.back(), at + 1});
      open.pop_back();
    }
    if (c != '"') continue;
    size_t end = at + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    if (end >= json.size()) break;
    spans.strings.push_back({at, end + 1});
    spans.values.push_back(spans.strings.back());
    at = end;
  }
  return spans;
}

absl::string_view Text(absl::string_view json, const Span& span) {
  return json.substr(span.begin, span.end - span.begin);
}

}  // namespace

std::string MutatedJson(absl::string_view json, unsigned seed) {
  std::minstd_rand random(seed);
  const Spans spans = Find(json);
  if (spans.strings.empty()) return std::string(json);
  const auto replaced = [json](const Span& span, absl::string_view with) {
    return absl::StrCat(json.substr(0, span.begin), with, json.substr(span.end));
  };
  const Span& string = spans.strings[random() % spans.strings.size()];
  const Span& value = spans.values[random() % spans.values.size()];
  const Span& other = spans.values[random() % spans.values.size()];
  switch (random() % 4) {
    case 0:
      return replaced(value, Text(json, other));
    case 1:
      // One more element.
      return replaced(value, absl::StrCat(Text(json, value), ",", Text(json, value)));
    default: {
      const Span inside = {string.begin + 1, string.end - 1};
      return replaced(inside, MutatedText(std::string(Text(json, inside)), random));
    }
  }
}

size_t MutateJsonInput(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string changed =
      MutatedJson(absl::string_view(reinterpret_cast<const char*>(data), size), seed);
  if (changed.empty() || changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(changed.begin(), changed.end(), data);
  return changed.size();
}

}  // namespace norroy::fuzz
