#include "common/crypto/rsa_modulus.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/openssl.h"

namespace norroy::crypto {
namespace {

constexpr BN_ULONG kSmallPrimeLimit = 752;
constexpr BN_ULONG kRocaPrimeLimit = 168;
constexpr BN_ULONG kRocaGenerator = 65537;
constexpr int kFermatRounds = 100;

absl::Status WeakKey(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the RSA modulus ", why, "; make a new key with a current tool"));
}

const std::vector<BN_ULONG>& SmallPrimes() {
  static const auto* const primes = [] {
    auto* found = new std::vector<BN_ULONG>;
    for (BN_ULONG n = 2; n < kSmallPrimeLimit; ++n) {
      bool prime = true;
      for (const BN_ULONG p : *found) prime = prime && n % p != 0;
      if (prime) found->push_back(n);
    }
    return found;
  }();
  return *primes;
}

// `value` is a power of `generator` modulo the prime p.
bool IsPower(BN_ULONG value, BN_ULONG generator, BN_ULONG p) {
  BN_ULONG power = 1;
  do {
    if (power == value) return true;
    power = power * (generator % p) % p;
  } while (power != 1);
  return false;
}

// Keys of the flawed library are a power of 65537 modulo every small prime; a random number is so
// with a probability of about 2^-27.
bool HasRocaMark(const BIGNUM* n) {
  for (const BN_ULONG p : SmallPrimes()) {
    if (p == 2) continue;
    if (p >= kRocaPrimeLimit) break;
    if (!IsPower(BN_mod_word(n, p), kRocaGenerator, p)) return false;
  }
  return true;
}

// The integer square root by Newton's method, from above.
BnPtr SquareRoot(const BIGNUM* n, BN_CTX* context) {
  BnPtr root(BN_new());
  BnPtr next(BN_new());
  NORROY_CHECK(root != nullptr && next != nullptr);
  if (BN_is_zero(n)) return root;
  NORROY_CHECK(BN_set_bit(root.get(), (BN_num_bits(n) + 1) / 2) == 1);
  while (true) {
    NORROY_CHECK(BN_div(next.get(), nullptr, n, root.get(), context) == 1 &&
                 BN_add(next.get(), next.get(), root.get()) == 1 &&
                 BN_rshift1(next.get(), next.get()) == 1);
    if (BN_cmp(next.get(), root.get()) >= 0) return root;
    root.swap(next);
  }
}

bool IsSquare(const BIGNUM* n, BN_CTX* context) {
  // A square leaves 12 of the 64 remainders only.
  constexpr uint64_t kSquaresModulo64 = 0x0202021202030213u;
  if ((kSquaresModulo64 >> BN_mod_word(n, 64) & 1) == 0) return false;
  const BnPtr root = SquareRoot(n, context);
  BnPtr square(BN_new());
  NORROY_CHECK(square != nullptr && BN_sqr(square.get(), root.get(), context) == 1);
  return BN_cmp(square.get(), n) == 0;
}

// Fermat: n = a^2 - b^2 = (a - b)(a + b), with a just above the root of n when the primes are near
// each other.
bool HasClosePrimes(const BIGNUM* n) {
  const BnCtxPtr context(BN_CTX_new());
  NORROY_CHECK(context != nullptr);
  if (IsSquare(n, context.get())) return true;
  const BnPtr a = SquareRoot(n, context.get());
  BnPtr rest(BN_new());
  NORROY_CHECK(rest != nullptr);
  for (int round = 0; round < kFermatRounds; ++round) {
    NORROY_CHECK(BN_add_word(a.get(), 1) == 1 && BN_sqr(rest.get(), a.get(), context.get()) == 1 &&
                 BN_sub(rest.get(), rest.get(), n) == 1);
    if (IsSquare(rest.get(), context.get())) return true;
  }
  return false;
}

// Fermat's test with base 2: a product of two primes passes it by accident only. OpenSSL's own
// check of a public key does many rounds and takes five times as long.
bool IsPrime(const BIGNUM* n) {
  const BnCtxPtr context(BN_CTX_new());
  BnPtr exponent(BN_dup(n));
  BnPtr power(BN_new());
  NORROY_CHECK(context != nullptr && exponent != nullptr && power != nullptr &&
               BN_sub_word(exponent.get(), 1) == 1 &&
               BN_mod_exp_mont_word(power.get(), 2, exponent.get(), n, context.get(), nullptr) ==
                   1);
  return BN_is_one(power.get());
}

}  // namespace

absl::Status CheckRsaModulus(absl::string_view modulus) {
  const BnPtr n(BN_bin2bn(Bytes(modulus), static_cast<int>(modulus.size()), nullptr));
  NORROY_CHECK(n != nullptr);
  if (!BN_is_odd(n.get())) return WeakKey("is even");
  for (const BN_ULONG p : SmallPrimes()) {
    if (BN_mod_word(n.get(), p) == 0) return WeakKey(absl::StrCat("has the small factor ", p));
  }
  if (HasRocaMark(n.get())) return WeakKey("bears the mark of the ROCA flaw (CVE-2017-15361)");
  if (HasClosePrimes(n.get())) return WeakKey("is the product of two primes close to each other");
  if (IsPrime(n.get())) return WeakKey("is a prime, not the product of two");
  return absl::OkStatus();
}

}  // namespace norroy::crypto
