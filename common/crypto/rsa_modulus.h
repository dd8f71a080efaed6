#ifndef NORROY_COMMON_CRYPTO_RSA_MODULUS_H_
#define NORROY_COMMON_CRYPTO_RSA_MODULUS_H_

// RSA moduli that are known to be easy to factor. For this folder.

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace norroy::crypto {

// `modulus` is big-endian, at most 4096 bits (the caller has looked). Refused, with a message that
// says why: even numbers, factors below 752, the mark of the ROCA flaw (CVE-2017-15361), two
// primes so close together that 100 rounds of Fermat's method find them, and a single prime.
absl::Status CheckRsaModulus(absl::string_view modulus);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_RSA_MODULUS_H_
