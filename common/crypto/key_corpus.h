#ifndef NORROY_COMMON_CRYPTO_KEY_CORPUS_H_
#define NORROY_COMMON_CRYPTO_KEY_CORPUS_H_

// Public keys that a CA refuses, each with what the refusal must say, and some that it takes.
// For tests.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace norroy::crypto {

struct KeyCase {
  std::string label;
  std::string spki;   // DER
  std::string error;  // a part of the message; empty: accepted
};

// Made once per process.
const std::vector<KeyCase>& KeyCorpus();

// A SubjectPublicKeyInfo by hand. Magnitudes are big-endian.
std::string RsaSpki(absl::string_view modulus, absl::string_view exponent);
std::string EcSpki(absl::string_view parameters, absl::string_view point);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_KEY_CORPUS_H_
