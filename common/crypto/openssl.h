#ifndef NORROY_COMMON_CRYPTO_OPENSSL_H_
#define NORROY_COMMON_CRYPTO_OPENSSL_H_

// OpenSSL tamed: owners for its objects and its errors as text. For code that must speak OpenSSL;
// everybody else uses the types of this folder.

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

// CVE-2022-3602 and CVE-2022-3786: overflows in 3.0.0 to 3.0.6 when a certificate is verified.
#if OPENSSL_VERSION_NUMBER < 0x30000070L
#error "OpenSSL 3.0.7 or newer is needed"
#endif

namespace norroy::crypto {

template <auto Free>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using BnPtr = std::unique_ptr<BIGNUM, OpensslFree<BN_free>>;
using BnCtxPtr = std::unique_ptr<BN_CTX, OpensslFree<BN_CTX_free>>;
using EcdsaSigPtr = std::unique_ptr<ECDSA_SIG, OpensslFree<ECDSA_SIG_free>>;
using EvpMdCtxPtr = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using EvpPkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;
using EvpPkeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using X509ReqPtr = std::unique_ptr<X509_REQ, OpensslFree<X509_REQ_free>>;
using X509StorePtr = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using X509StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;

inline const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

inline absl::string_view StringOf(const ASN1_STRING* string) {
  return absl::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                           static_cast<size_t>(ASN1_STRING_length(string)));
}

// Takes away on leaving what was put on this thread's error queue since: a stale entry there makes
// an innocent TLS connection of the same thread fail.
class ErrorScope {
 public:
  ErrorScope() { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

// The newest error of this thread, for a message: "bad signature".
inline std::string ErrorText() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "no reason given" : reason;
}

// The DER of an object by its i2d function; empty on failure.
template <auto I2d, typename T>
std::string ToDer(T* object) {
  unsigned char* out = nullptr;
  const int length = I2d(object, &out);
  if (length <= 0) return "";
  std::string der(reinterpret_cast<char*>(out), static_cast<size_t>(length));
  OPENSSL_free(out);
  return der;
}

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_OPENSSL_H_
