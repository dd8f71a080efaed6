#ifndef NORROY_COMMON_CRYPTO_CERTIFICATE_H_
#define NORROY_COMMON_CRYPTO_CERTIFICATE_H_

// X.509 certificates (RFC 5280), parsed once; what we look at are plain values.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/crypto/key.h"

struct x509_st;

namespace norroy::crypto {

// 100 names of full length fit, with signed timestamps.
inline constexpr size_t kMaxCertificateDer = 64 * 1024;

// Value, immutable, thread-safe.
class Certificate {
 public:
  static absl::StatusOr<Certificate> ParseDer(absl::string_view der);
  // The first CERTIFICATE block.
  static absl::StatusOr<Certificate> ParsePem(absl::string_view pem);

  const std::string& der() const { return der_; }
  std::string ToPem() const;
  // Lower-case hexadecimal, no leading "0x" or zeros but one.
  const std::string& serial() const { return serial_; }
  // RFC 5280 4.2.1.1: the keyIdentifier of its issuer's key, bytes; empty if it names none.
  const std::string& authority_key_id() const { return authority_key_id_; }
  // Lower-case hexadecimal SHA-256 of the DER.
  const std::string& fingerprint() const { return fingerprint_; }
  // DER; spki_sha256 as PublicKey's. The key may be of a kind that PublicKey refuses.
  const std::string& spki_der() const { return spki_der_; }
  std::string spki_sha256() const;
  absl::StatusOr<PublicKey> public_key() const { return PublicKey::Parse(spki_der_); }
  absl::Time not_before() const { return not_before_; }
  absl::Time not_after() const { return not_after_; }
  // May sign certificates: basic constraints and key usage allow it.
  bool is_ca() const { return is_ca_; }
  // Its basic constraints say CA, whatever its key usage says.
  bool claims_ca() const { return claims_ca_; }
  const std::string& subject_common_name() const { return subject_cn_; }
  const std::string& issuer_common_name() const { return issuer_cn_; }
  // dNSName and iPAddress entries, sorted, without duplicates, normalised. What is no valid name is
  // left out and makes names_clean() false.
  const std::vector<challenge::Name>& names() const { return names_; }
  // Every subjectAltName entry was a distinct, valid dNSName or iPAddress.
  bool names_clean() const { return names_clean_; }
  const std::vector<std::string>& uris() const { return uris_; }
  bool has_eku(absl::string_view oid) const;  // "1.3.6.1.5.5.7.3.1"
  bool has_any_eku() const { return !ekus_.empty(); }

  // `issuer`'s key signed this certificate, and its subject is our issuer.
  bool IsSignedBy(const Certificate& issuer) const;

  // For this folder and for identity/.
  x509_st* get() const { return x509_.get(); }

 private:
  friend struct CertificateParser;
  Certificate() = default;
  std::shared_ptr<x509_st> x509_;
  std::string der_, serial_, fingerprint_, spki_der_, subject_cn_, issuer_cn_, authority_key_id_;
  absl::Time not_before_, not_after_;
  bool is_ca_ = false;
  bool claims_ca_ = false;
  bool names_clean_ = true;
  std::vector<challenge::Name> names_;
  std::vector<std::string> uris_;
  std::vector<std::string> ekus_;
};

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_CERTIFICATE_H_
