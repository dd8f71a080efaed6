#ifndef NORROY_COMMON_CRYPTO_REVOCATION_LIST_H_
#define NORROY_COMMON_CRYPTO_REVOCATION_LIST_H_

// Certificate revocation lists (RFC 5280 5) of the deployment's own authorities: a number that
// grows, and the serials of certificates that count no more. Serials of ours are 128 random bits,
// so that one list of the core root stands for the certificates of all authorities below it.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"

struct X509_crl_st;

namespace norroy::crypto {

inline constexpr size_t kMaxRevocationList = 2 * 1024 * 1024;
inline constexpr int kMaxRevoked = 10000;

// Value, immutable, thread-safe.
class RevocationList {
 public:
  // INVALID_ARGUMENT, reason BAD_REVOCATION_LIST: not one X509 CRL block, too long, without a
  // number (RFC 5280 5.2.3), or with a critical extension (it would not list all certificates).
  static absl::StatusOr<RevocationList> ParsePem(absl::string_view pem);

  struct Draft {
    int64_t number = 1;
    absl::Time now;
    absl::Time next_update;
    std::map<std::string, absl::Time> revoked;  // serial: since when
  };
  // Signed by the authority; PEM.
  static absl::StatusOr<std::string> MakePem(const Draft& draft, const PrivateKey& key,
                                             const Certificate& authority);

  // The authority's name and key; it must be one that may sign certificates.
  bool IsSignedBy(const Certificate& authority) const;
  // Lower-case hexadecimal, as Certificate::serial().
  bool Revokes(absl::string_view serial) const;

  int64_t number() const { return number_; }
  int size() const { return static_cast<int>(revoked_.size()); }
  const std::map<std::string, absl::Time>& revoked() const { return revoked_; }

 private:
  RevocationList() = default;
  std::shared_ptr<X509_crl_st> crl_;
  int64_t number_ = 0;
  std::map<std::string, absl::Time> revoked_;
};

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_REVOCATION_LIST_H_
