#ifndef NORROY_COMMON_CRYPTO_RANDOM_H_
#define NORROY_COMMON_CRYPTO_RANDOM_H_

// Randomness as a port, so that simulation can replay it.

#include <atomic>
#include <cstdint>
#include <string>

namespace norroy::crypto {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::string Bytes(size_t count) = 0;

  // 32 lower-case hexadecimal digits: 128 random bits.
  std::string Id();
  // Uniform in [0, 1): for jitter.
  double Fraction();
};

// OpenSSL's generator.
class SystemRandom final : public Random {
 public:
  std::string Bytes(size_t count) override;
};

// The same sequence for the same seed. For tests and simulation, never for keys.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  std::string Bytes(size_t count) override;

 private:
  std::atomic<uint64_t> state_;
};

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_RANDOM_H_
