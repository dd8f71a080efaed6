#include "common/challenge/punycode.h"

#include <cstdint>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace norroy::challenge {
namespace {

// RFC 3492 5: Punycode's parameters.
constexpr uint32_t kBase = 36;
constexpr uint32_t kTMin = 1;
constexpr uint32_t kTMax = 26;
constexpr uint32_t kSkew = 38;
constexpr uint32_t kDamp = 700;
constexpr uint32_t kInitialBias = 72;
constexpr uint32_t kInitialPoint = 0x80;
// No position within a label comes near; sums of 64 bits below it cannot overflow.
constexpr uint64_t kMaxDelta = uint64_t{1} << 31;

std::optional<uint32_t> DigitOf(char c) {
  if (c >= 'a' && c <= 'z') return c - 'a';
  if (c >= '0' && c <= '9') return c - '0' + 26;
  return std::nullopt;
}

// RFC 3492 6.1: how the bias follows the last delta.
uint32_t Adapt(uint32_t delta, uint32_t points, bool first) {
  delta /= first ? kDamp : 2;
  delta += delta / points;
  uint32_t k = 0;
  for (; delta > (kBase - kTMin) * kTMax / 2; k += kBase) delta /= kBase - kTMin;
  return k + (kBase - kTMin + 1) * delta / (delta + kSkew);
}

uint32_t Threshold(uint32_t k, uint32_t bias) {
  if (k <= bias + kTMin) return kTMin;
  return k >= bias + kTMax ? kTMax : k - bias;
}

// RFC 3492 6.2: one generalized variable-length integer, taken off the front of `digits`.
std::optional<uint32_t> TakeDelta(absl::string_view& digits, uint32_t bias) {
  uint64_t delta = 0;
  uint64_t weight = 1;
  for (uint32_t k = kBase;; k += kBase) {
    if (digits.empty()) return std::nullopt;
    const std::optional<uint32_t> digit = DigitOf(digits[0]);
    if (!digit.has_value()) return std::nullopt;
    digits.remove_prefix(1);
    delta += *digit * weight;
    if (delta >= kMaxDelta) return std::nullopt;
    const uint32_t t = Threshold(k, bias);
    if (*digit < t) return static_cast<uint32_t>(delta);
    weight *= kBase - t;
    if (weight >= kMaxDelta) return std::nullopt;
  }
}

// Below U+00A0 are ASCII and the C1 controls, which no label holds encoded.
bool IsEncodable(uint64_t point) {
  return point >= 0xA0 && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

}  // namespace

bool IsALabel(absl::string_view label) {
  if (!absl::ConsumePrefix(&label, "xn--")) return false;
  uint32_t points = 0;
  if (const size_t delimiter = label.rfind('-'); delimiter != absl::string_view::npos) {
    if (delimiter == 0) return false;
    points = static_cast<uint32_t>(delimiter);
    label.remove_prefix(delimiter + 1);
  }
  // Nothing encoded: the label is ASCII and must be written so.
  if (label.empty()) return false;
  uint64_t point = kInitialPoint;
  uint64_t position = 0;
  uint32_t bias = kInitialBias;
  for (bool first = true; !label.empty(); first = false) {
    const std::optional<uint32_t> delta = TakeDelta(label, bias);
    if (!delta.has_value()) return false;
    ++points;
    position += *delta;
    point += position / points;
    position = position % points + 1;
    if (!IsEncodable(point)) return false;
    bias = Adapt(*delta, points, first);
  }
  return true;
}

}  // namespace norroy::challenge
