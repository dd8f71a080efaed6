#include "common/crypto/random.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "common/check.h"
#include "common/crypto/encoding.h"

namespace norroy::crypto {
namespace {

// SplitMix64's output function.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

}  // namespace

std::string Random::Id() { return Hex(Bytes(16)); }

double Random::Fraction() {
  const std::string bytes = Bytes(sizeof(uint64_t));
  uint64_t value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  // 53 bits: every value is exact and 1 cannot come out by rounding.
  return static_cast<double>(value >> 11) * 0x1.0p-53;
}

std::string SystemRandom::Bytes(size_t count) {
  std::string bytes(count, '\0');
  const int result =
      RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count));
  // Going on without randomness would be worse than stopping.
  NORROY_CHECK(result == 1);
  return bytes;
}

std::string SeededRandom::Bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; i += sizeof(uint64_t)) {
    const uint64_t step = 0x9E3779B97F4A7C15u;
    const uint64_t word = Mix(state_.fetch_add(step) + step);
    std::memcpy(bytes.data() + i, &word, std::min(sizeof(word), count - i));
  }
  return bytes;
}

}  // namespace norroy::crypto
