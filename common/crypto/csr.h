#ifndef NORROY_COMMON_CRYPTO_CSR_H_
#define NORROY_COMMON_CRYPTO_CSR_H_

// Certificate signing requests (PKCS#10, RFC 2986): reading other people's, writing our own.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/challenge/identifier.h"
#include "common/crypto/key.h"

namespace norroy::crypto {

inline constexpr size_t kMaxCsrDer = 16 * 1024;
inline constexpr size_t kMaxCsrPem = 24 * 1024;

// A checked CSR. Whatever a public CA would refuse, or could read differently from us, is refused
// here, before any request to the CA, with INVALID_ARGUMENT, reason BAD_CSR and a message that
// says what to change: bad signature or signature algorithm (SHA-1, MD5), bad key (see
// PublicKey::Parse), version other than 0, non-DER encodings (re-encoding must give the same
// bytes), trailing bytes, names other than dNSName and iPAddress in the subjectAltName, a common
// name that is not among them, duplicate or unknown critical extensions, CA:TRUE, keyCertSign.
class Csr {
 public:
  // PEM ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST", exactly one) or DER.
  // Without a subjectAltName the subject's common name is the one name, as many tools write it.
  static absl::StatusOr<Csr> Parse(absl::string_view pem_or_der);
  // DER, for a certificate of our own: only the key counts. It must be P-256; names inside are
  // ignored and names() is empty.
  static absl::StatusOr<Csr> ParseForIdentity(absl::string_view der);

  const std::string& der() const { return der_; }
  // Sorted, without duplicates, normalised.
  const std::vector<challenge::Name>& names() const { return names_; }
  const PublicKey& public_key() const { return public_key_; }

 private:
  friend struct CsrParser;
  explicit Csr(PublicKey key) : public_key_(std::move(key)) {}
  std::string der_;
  std::vector<challenge::Name> names_;
  PublicKey public_key_;
};

// DER: empty subject, the names as subjectAltName (none without names, for ParseForIdentity),
// signed with SHA-256 (SHA-384 for P-384).
absl::StatusOr<std::string> BuildCsr(const PrivateKey& key,
                                     const std::vector<challenge::Name>& names);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_CSR_H_
