#include "common/crypto/signature.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/crypto/openssl.h"

namespace norroy::crypto {
namespace {

// How a key signs.
struct Form {
  const EVP_MD* digest;
  size_t half;  // of r and s; 0 for RSA
};

Form FormOf(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return {EVP_sha256(), 0};
  // RFC 7518 3.4: the digest follows from the curve.
  return EVP_PKEY_get_bits(key) > 256 ? Form{EVP_sha384(), 48} : Form{EVP_sha256(), 32};
}

absl::Status CannotSign() { return absl::InternalError(absl::StrCat("signing: ", ErrorText())); }

// Empty on failure.
std::string HalvesOf(absl::string_view der, size_t half) {
  const unsigned char* at = Bytes(der);
  const EcdsaSigPtr pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::string halves(2 * half, '\0');
  unsigned char* const out = reinterpret_cast<unsigned char*>(halves.data());
  const int size = static_cast<int>(half);
  if (pair == nullptr || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, size) != size ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + half, size) != size) {
    return "";
  }
  return halves;
}

// Empty on failure.
std::string DerOf(absl::string_view halves, size_t half) {
  const EcdsaSigPtr pair(ECDSA_SIG_new());
  const int size = static_cast<int>(half);
  BnPtr r(BN_bin2bn(Bytes(halves), size, nullptr));
  BnPtr s(BN_bin2bn(Bytes(halves) + half, size, nullptr));
  if (pair == nullptr || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return "";
  r.release();
  s.release();
  return ToDer<i2d_ECDSA_SIG>(pair.get());
}

}  // namespace

absl::StatusOr<std::string> SignWith(evp_pkey_st* key, absl::string_view data) {
  ErrorScope scope;
  const Form form = FormOf(key);
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::string signature(static_cast<size_t>(EVP_PKEY_get_size(key)), '\0');
  size_t length = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, form.digest, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                     Bytes(data), data.size()) != 1) {
    return CannotSign();
  }
  signature.resize(length);
  if (form.half == 0) return signature;
  signature = HalvesOf(signature, form.half);
  if (signature.empty()) return CannotSign();
  return signature;
}

bool VerifyWith(evp_pkey_st* key, absl::string_view data, absl::string_view signature) {
  ErrorScope scope;
  const Form form = FormOf(key);
  std::string der(signature);
  if (form.half != 0) {
    if (signature.size() != 2 * form.half) return false;
    der = DerOf(signature, form.half);
  }
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, form.digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(der), der.size(), Bytes(data), data.size()) == 1;
}

}  // namespace norroy::crypto
