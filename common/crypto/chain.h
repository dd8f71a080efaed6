#ifndef NORROY_COMMON_CRYPTO_CHAIN_H_
#define NORROY_COMMON_CRYPTO_CHAIN_H_

// A certificate and the intermediates that lead towards a root, as a CA delivers them
// (RFC 8555 7.4.2, 9.1).

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/certificate.h"

namespace norroy::crypto {

inline constexpr size_t kMaxChainBytes = 256 * 1024;
inline constexpr int kMaxChainCertificates = 10;

class CertificateChain {
 public:
  // PEM as downloaded, the leaf first. What is safe is put right: the order of the intermediates, a
  // root at the end (dropped, unless it issued the leaf itself), CRLF, text between blocks.
  // Refused: blocks other than CERTIFICATE, duplicates, certificates that do not belong to the
  // leaf's path, over the caps, no intermediate at all when the leaf is not self-issued.
  static absl::StatusOr<CertificateChain> ParsePem(absl::string_view pem);

  const Certificate& leaf() const { return certificates_.front(); }
  // Leaf first.
  const std::vector<Certificate>& certificates() const { return certificates_; }
  // Leaf first, one PEM block each, "\n" line ends.
  std::string ToPem() const;
  // The issuer common name of the last certificate: what `preferred_chain` is compared with.
  const std::string& top_issuer() const { return certificates_.back().issuer_common_name(); }

 private:
  CertificateChain() = default;
  std::vector<Certificate> certificates_;
};

// What a CA's certificate must be before we believe it: the leaf has the CSR's key and
// exactly the order's names, is no CA, has serverAuth if it has any extended key usage, every link
// is signed by the next and within its dates at `now`, the leaf's validity is positive and at most
// 2000 days (a longer one is no web server's, whoever issues it), began at most 48 h ago or begins
// at most 24 h from now, and ends in the future. Errors have reason BAD_CERTIFICATE and say which.
absl::Status CheckIssued(const CertificateChain& chain, const PublicKey& csr_key,
                         const std::vector<challenge::Name>& names, absl::Time now);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_CHAIN_H_
