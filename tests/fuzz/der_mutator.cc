#include "tests/fuzz/der_mutator.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/mutated_text.h"

// libFuzzer's; a replay without it never asks for mutations.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t max_size);

namespace norroy::fuzz {
namespace {

constexpr uint8_t kBitString = 0x03;
constexpr uint8_t kOctetString = 0x04;
constexpr uint8_t kSequence = 0x30;
constexpr uint8_t kConstructed = 0x20;
constexpr int kMaxDepth = 24;

struct Element {
  uint8_t tag = 0;
  std::string content;            // all of it; of one with children what comes before them
  std::vector<Element> children;  // may be empty
};

std::optional<size_t> TakeLength(absl::string_view& bytes) {
  if (bytes.empty()) return std::nullopt;
  size_t length = static_cast<uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  if (length < 0x80) return length;
  const size_t octets = length & 0x7f;
  if (octets > 3 || octets > bytes.size()) return std::nullopt;
  length = 0;
  for (size_t i = 0; i < octets; ++i) length = length << 8 | static_cast<uint8_t>(bytes[i]);
  bytes.remove_prefix(octets);
  return length;
}

std::optional<std::vector<Element>> Read(absl::string_view bytes, int depth) {
  if (depth > kMaxDepth) return std::nullopt;
  std::vector<Element> elements;
  while (!bytes.empty()) {
    Element element;
    element.tag = static_cast<uint8_t>(bytes[0]);
    bytes.remove_prefix(1);
    const std::optional<size_t> length = TakeLength(bytes);
    if (!length.has_value() || *length > bytes.size()) return std::nullopt;
    element.content = std::string(bytes.substr(0, *length));
    bytes.remove_prefix(*length);
    // RFC 5280 4.1.2.7: a BIT STRING that holds DER has no unused bits, and says so first.
    const size_t before = element.tag == kBitString ? 1 : 0;
    const bool holds =
        (element.tag & kConstructed) != 0 || element.tag == kOctetString ||
        (element.tag == kBitString && element.content.substr(0, 1) == std::string(1, '\0'));
    if (holds && element.content.size() > before + 1) {
      auto children = Read(absl::string_view(element.content).substr(before), depth + 1);
      if (children.has_value()) {
        element.children = *std::move(children);
        element.content.resize(before);
      }
    }
    elements.push_back(std::move(element));
  }
  return elements;
}

std::string Write(const std::vector<Element>& elements) {
  std::string bytes;
  for (const Element& element : elements) {
    const std::string content = absl::StrCat(element.content, Write(element.children));
    bytes.push_back(static_cast<char>(element.tag));
    std::string length;
    for (size_t rest = content.size(); rest != 0; rest >>= 8) {
      length.insert(length.begin(), static_cast<char>(rest));
    }
    if (content.size() >= 0x80) {
      bytes.push_back(static_cast<char>(0x80 | length.size()));
    } else if (content.empty()) {
      length.push_back('\0');
    }
    absl::StrAppend(&bytes, length, content);
  }
  return bytes;
}

struct Place {
  std::vector<Element>* siblings;
  size_t index;
};

void CollectPlaces(std::vector<Element>& elements, std::vector<Place>& places) {
  for (size_t i = 0; i < elements.size(); ++i) {
    places.push_back({&elements, i});
    CollectPlaces(elements[i].children, places);
  }
}

// Once more, away, changed places with another, or with another tag.
void MutateAmongSiblings(const Place& place, std::minstd_rand& random) {
  std::vector<Element>& siblings = *place.siblings;
  const auto at = siblings.begin() + static_cast<std::ptrdiff_t>(place.index);
  switch (random() % 4) {
    case 0: {
      Element copy = *at;
      siblings.insert(at, std::move(copy));
      return;
    }
    case 1:
      siblings.erase(at);
      return;
    case 2:
      std::swap(*at, siblings[random() % siblings.size()]);
      return;
    default:
      at->tag = static_cast<uint8_t>(random() % 2 == 0 ? random() : at->tag ^ (1 << random() % 8));
      return;
  }
}

}  // namespace

std::string MutatedDer(absl::string_view der, unsigned seed) {
  std::minstd_rand random(seed);
  std::optional<std::vector<Element>> elements = Read(der, 0);
  std::vector<Place> places;
  if (elements.has_value()) CollectPlaces(*elements, places);
  if (places.empty()) return std::string(der);
  const Place place = places[random() % places.size()];
  Element& element = (*place.siblings)[place.index];
  if (element.children.empty() && random() % 4 != 0) {
    element.content = MutatedText(std::move(element.content), random);
  } else {
    MutateAmongSiblings(place, random);
  }
  return Write(*elements);
}

size_t MutateDerInput(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  const bool sequence = size > 1 && data[0] == kSequence;
  if (!sequence || seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string changed =
      MutatedDer(absl::string_view(reinterpret_cast<const char*>(data), size), seed);
  if (changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(changed.begin(), changed.end(), data);
  return changed.size();
}

}  // namespace norroy::fuzz
