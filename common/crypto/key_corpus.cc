#include "common/crypto/key_corpus.h"

#include <openssl/core_names.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/der_builder.h"
#include "common/crypto/openssl.h"

namespace norroy::crypto {
namespace {

constexpr absl::string_view kRsa = "1.2.840.113549.1.1.1";
constexpr absl::string_view kEc = "1.2.840.10045.2.1";
constexpr absl::string_view kP256 = "1.2.840.10045.3.1.7";

std::string F4() { return std::string("\x01\x00\x01", 3); }

std::string Magnitude(const BIGNUM* number) {
  std::string bytes(static_cast<size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

// The product of the primes below `limit`.
BnPtr Primorial(BN_ULONG limit) {
  BnPtr product(BN_new());
  BN_one(product.get());
  for (BN_ULONG n = 2; n < limit; ++n) {
    bool prime = true;
    for (BN_ULONG d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
    if (prime) BN_mul_word(product.get(), n);
  }
  return product;
}

bool HasSmallFactor(const BIGNUM* n) {
  for (BN_ULONG d = 2; d < 752; ++d) {
    if (BN_mod_word(n, d) == 0) return true;
  }
  return false;
}

// Counts up from 1.5 * 2^(bits-1) by `step` to a number without small factors. Always the same.
BnPtr Rough(int bits, BN_ULONG step) {
  BnPtr n(BN_new());
  BN_set_bit(n.get(), bits - 1);
  BN_set_bit(n.get(), bits - 2);
  BN_add_word(n.get(), step | 1);
  while (HasSmallFactor(n.get())) BN_add_word(n.get(), 2);
  return n;
}

std::string RoughModulus(int bits) { return Magnitude(Rough(bits, 1).get()); }

// The primes need not be prime for Fermat's method to find them.
std::string CloseFactors() {
  const BnCtxPtr context(BN_CTX_new());
  const BnPtr p = Rough(1024, 1);
  const BnPtr q = Rough(1024, 100001);
  BnPtr n(BN_new());
  BN_mul(n.get(), p.get(), q.get(), context.get());
  return Magnitude(n.get());
}

std::string SquareModulus() {
  const BnCtxPtr context(BN_CTX_new());
  BnPtr n(BN_new());
  BN_sqr(n.get(), Rough(1024, 77).get(), context.get());
  return Magnitude(n.get());
}

// k * M + 65537^c mod M for the primorial M of the primes to 167 (CVE-2017-15361).
std::string RocaModulus() {
  const BnCtxPtr context(BN_CTX_new());
  const BnPtr primorial = Primorial(168);
  BnPtr n(BN_new());
  BnPtr generator(BN_new());
  BnPtr exponent(BN_new());
  BnPtr power(BN_new());
  BN_set_word(generator.get(), 65537);
  BN_set_word(exponent.get(), 1234567);
  BN_mod_exp(power.get(), generator.get(), exponent.get(), primorial.get(), context.get());
  BN_set_bit(n.get(), 2047);
  BN_set_bit(n.get(), 2046);
  BN_div(n.get(), nullptr, n.get(), primorial.get(), context.get());
  BN_mul(n.get(), n.get(), primorial.get(), context.get());
  BN_add(n.get(), n.get(), power.get());
  while (HasSmallFactor(n.get())) BN_add(n.get(), n.get(), primorial.get());
  return Magnitude(n.get());
}

std::string PrimeModulus() {
  const BnPtr prime(BN_get_rfc3526_prime_2048(nullptr));
  return Magnitude(prime.get());
}

std::string Spki(absl::string_view algorithm, absl::string_view parameters, absl::string_view key) {
  return Seq({Seq({Oid(algorithm), parameters}), BitString(key)});
}

std::string FreshSpki(EVP_PKEY* generated) {
  const EvpPkeyPtr key(generated);
  NORROY_CHECK(key != nullptr);
  return ToDer<i2d_PUBKEY>(key.get());
}

// "prime256v1" in another form than the usual.
std::string OddEcSpki(const char* parameter, const char* value) {
  const EvpPkeyPtr key(EVP_EC_gen("P-256"));
  NORROY_CHECK(key != nullptr && EVP_PKEY_set_utf8_string_param(key.get(), parameter, value) == 1);
  return ToDer<i2d_PUBKEY>(key.get());
}

void AddRsa(std::vector<KeyCase>& cases) {
  for (const int bits : {512, 1024, 1536, 2047, 2049, 8192, 16384, 65536}) {
    cases.push_back({absl::StrCat("RSA ", bits), RsaSpki(RoughModulus(bits), F4()),
                     absl::StrCat("RSA of ", bits, " bits")});
  }
  const std::string good = RoughModulus(2048);
  const struct {
    absl::string_view label;
    std::string exponent, error;
  } exponents[] = {
      {"e = 1", "\x01", "exponent is 1;"},
      {"e = 2", "\x02", "exponent is 2;"},
      {"e = 3", "\x03", "exponent is 3;"},
      {"e = 0", "", "exponent is 0;"},
      {"e even", "\x10", "exponent is 16;"},
      {"e = 2^32", std::string("\x01\0\0\0\0", 5), "2^32 or more"},
      {"e = 2^64 + 1", std::string("\x01\0\0\0\0\0\0\0\x01", 9), "2^32 or more"},
  };
  for (const auto& c : exponents) {
    cases.push_back({absl::StrCat("RSA ", c.label), RsaSpki(good, c.exponent), c.error});
  }
  std::string even = good;
  even.back() = static_cast<char>(even.back() & ~1);
  std::string factor = good;
  for (BN_ULONG last = 0;; last += 2) {
    BnPtr n(BN_bin2bn(Bytes(good), static_cast<int>(good.size()), nullptr));
    BN_add_word(n.get(), last);
    if (BN_mod_word(n.get(), 751) == 0) {
      factor = Magnitude(n.get());
      break;
    }
  }
  const std::string negative = Seq({Tlv(0x02, "\x80\x01"), Integer(65537)});
  const std::string trailing = Seq({BigInteger(good), Integer(65537), Null()});
  cases.insert(
      cases.end(),
      {
          {"RSA even", RsaSpki(even, F4()), "modulus is even"},
          {"RSA small factor", RsaSpki(factor, F4()), "has the small factor"},
          {"RSA prime", RsaSpki(PrimeModulus(), F4()), "is a prime"},
          {"RSA close primes", RsaSpki(CloseFactors(), F4()), "close to each other"},
          {"RSA square", RsaSpki(SquareModulus(), F4()), "close to each other"},
          {"RSA ROCA", RsaSpki(RocaModulus(), F4()), "ROCA"},
          {"RSA zero", RsaSpki("", F4()), "RSA of 0 bits"},
          {"RSA negative", Spki(kRsa, Null(), negative), "RSA of 0 bits"},
          {"RSA third number", Spki(kRsa, Null(), trailing), "bytes after the RSA key"},
          {"RSA no parameters", Seq({Seq({Oid(kRsa)}), BitString("x")}), "no parameters"},
          {"RSA odd parameters", Spki(kRsa, Integer(1), "x"), "other than NULL"},
          {"RSA garbage", Spki(kRsa, Null(), "garbage"), "not DER"},
          {"RSA padded modulus",
           Spki(kRsa, Null(), Seq({Tlv(0x02, std::string(2, '\0') + good), Integer(65537)})),
           "key: "},
      });
}

void AddEc(std::vector<KeyCase>& cases) {
  const std::string good = FreshSpki(EVP_EC_gen("P-256"));
  const std::string point = good.substr(good.size() - 65);
  std::string off_curve = point;
  off_curve.back() = static_cast<char>(off_curve.back() ^ 1);
  const std::string zero_point = "\x04" + std::string(64, '\0');
  const std::string out_of_field = "\x04" + std::string(64, '\xFF');
  const struct {
    absl::string_view curve, shown;
  } others[] = {{"P-224", "secp224r1"}, {"P-521", "secp521r1"}, {"secp256k1", "secp256k1"}};
  for (const auto& c : others) {
    cases.push_back({std::string(c.curve), FreshSpki(EVP_EC_gen(c.curve.data())),
                     absl::StrCat("curve ", c.shown)});
  }
  const std::string p256 = Oid(kP256);
  cases.insert(
      cases.end(),
      {
          {"P-256", good, ""},
          {"P-384", FreshSpki(EVP_EC_gen("P-384")), ""},
          {"EC explicit", OddEcSpki(OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), "explicit curve"},
          {"EC compressed", OddEcSpki(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
           "compressed point"},
          {"EC infinity", EcSpki(p256, std::string(1, '\0')), "infinity"},
          {"EC no point", EcSpki(p256, ""), "infinity"},
          {"EC off the curve", EcSpki(p256, off_curve), "key: "},
          {"EC zero", EcSpki(p256, zero_point), "key: "},
          {"EC beyond the field", EcSpki(p256, out_of_field), "key: "},
          {"EC hybrid", EcSpki(p256, "\x06" + point.substr(1)), "malformed point"},
          {"EC short", EcSpki(p256, point.substr(0, 64)), "malformed point"},
          {"EC long", EcSpki(p256, point + "x"), "malformed point"},
          {"EC P-256 point as P-384", EcSpki(Oid("1.3.132.0.34"), point), "malformed point"},
          {"EC implicit parameters", EcSpki(Null(), point), "explicit curve parameters"},
          {"EC two parameters", EcSpki(p256 + Null(), point), "malformed AlgorithmIdentifier"},
      });
}

void AddOthers(std::vector<KeyCase>& cases) {
  const auto fresh = [](const char* type) {
    return FreshSpki(EVP_PKEY_Q_keygen(nullptr, nullptr, type));
  };
  const std::string good = FreshSpki(EVP_EC_gen("P-256"));
  cases.insert(
      cases.end(),
      {
          {"Ed25519", fresh("ED25519"), "ED25519"},
          {"Ed448", fresh("ED448"), "ED448"},
          {"X25519", fresh("X25519"), "X25519"},
          {"DSA", Spki("1.2.840.10040.4.1", Seq({Integer(23), Integer(11), Integer(4)}), "x"),
           "algorithm dsaEncryption"},
          {"GOST", Spki("1.2.643.7.1.1.1.1", Seq({}), "x"), "GOST"},
          {"RSA-PSS key", Spki("1.2.840.113549.1.1.10", Seq({}), "x"), "rsassaPss"},
          {"ML-DSA-65", Spki("2.16.840.1.101.3.4.3.18", "", std::string(1952, 'x')),
           "algorithm 2.16.840.1.101.3.4.3.18"},
          {"unknown", Spki("1.2.3.4", "", "x"), "algorithm 1.2.3.4"},
          {"huge arc", Seq({Seq({Tlv(0x06, std::string(200, '\xFF') + "\x01")}), BitString("x")}),
           "unknown object identifier"},
          {"empty", "", "cut off"},
          {"no sequence", Null(), "SubjectPublicKeyInfo is missing"},
          {"empty sequence", Seq({}), "AlgorithmIdentifier is missing"},
          {"no key", Seq({Seq({Oid(kEc), Oid(kP256)})}), "public key is missing"},
          {"trailing bytes", good + Null(), "after the end"},
          {"third part", Seq({Seq({Oid(kEc), Oid(kP256)}), BitString("x"), Null()}), "malformed"},
          {"unused bits", Seq({Seq({Oid(kEc), Oid(kP256)}), BitString(std::string(65, '\0'), 3)}),
           "malformed"},
          {"17 KiB", RsaSpki(std::string(17 * 1024, '\x7F'), F4()), "bytes;"},
      });
}

}  // namespace

std::string RsaSpki(absl::string_view modulus, absl::string_view exponent) {
  return Spki(kRsa, Null(), Seq({BigInteger(modulus), BigInteger(exponent)}));
}

std::string EcSpki(absl::string_view parameters, absl::string_view point) {
  return Spki(kEc, parameters, point);
}

const std::vector<KeyCase>& KeyCorpus() {
  static const auto* const cases = [] {
    auto* all = new std::vector<KeyCase>;
    AddRsa(*all);
    AddEc(*all);
    AddOthers(*all);
    return all;
  }();
  return *cases;
}

}  // namespace norroy::crypto
