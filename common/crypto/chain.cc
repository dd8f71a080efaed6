#include "common/crypto/chain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

constexpr absl::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr absl::Duration kMaxPast = absl::Hours(48);
constexpr absl::Duration kMaxFuture = absl::Hours(24);
constexpr absl::Duration kMaxValidity = absl::Hours(24 * 2000);

absl::Status Bad(absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_CERTIFICATE", message);
}

std::string Title(const Certificate& certificate) {
  return absl::StrCat("\"", Printable(certificate.subject_common_name(), 64), "\" (serial ",
                      certificate.serial(), ")");
}

bool IsSelfIssued(const Certificate& certificate) {
  return X509_NAME_cmp(X509_get_subject_name(certificate.get()),
                       X509_get_issuer_name(certificate.get())) == 0;
}

absl::StatusOr<std::vector<Certificate>> ReadCertificates(absl::string_view pem) {
  if (pem.size() > kMaxChainBytes) {
    return Bad(absl::StrCat("chain of ", pem.size(), " bytes; at most ", kMaxChainBytes));
  }
  absl::StatusOr<std::vector<PemBlock>> blocks = PemDecode(pem);
  if (!blocks.ok()) return Bad(blocks.status().message());
  if (blocks->empty()) return Bad("the chain holds no certificate");
  if (blocks->size() > kMaxChainCertificates) {
    return Bad(absl::StrCat("chain of ", blocks->size(), " certificates; at most ",
                            kMaxChainCertificates));
  }
  std::vector<Certificate> certificates;
  for (const PemBlock& block : *blocks) {
    // RFC 8555 9.1: nothing but certificates.
    if (block.label != "CERTIFICATE") {
      return Bad(absl::StrCat("the chain holds a block \"", Printable(block.label), "\""));
    }
    absl::StatusOr<Certificate> certificate = Certificate::ParseDer(block.der);
    if (!certificate.ok()) return Bad(certificate.status().message());
    for (const Certificate& other : certificates) {
      if (other.der() == block.der) {
        return Bad(absl::StrCat("the chain holds ", Title(other), " twice"));
      }
    }
    certificates.push_back(*std::move(certificate));
  }
  return certificates;
}

// Takes the certificate that signed `below` out of `pool`, a cross-signed one before a root.
absl::StatusOr<Certificate> TakeIssuer(const Certificate& below, std::vector<Certificate>& pool) {
  const auto take = [&](bool self_issued) {
    return std::find_if(pool.begin(), pool.end(), [&](const Certificate& candidate) {
      return IsSelfIssued(candidate) == self_issued && below.IsSignedBy(candidate);
    });
  };
  auto found = take(false);
  if (found == pool.end()) found = take(true);
  if (found == pool.end()) return absl::NotFoundError("no issuer");
  Certificate issuer = *found;
  pool.erase(found);
  return issuer;
}

// What is left may only be roots of certificates of the path: clients have their own.
absl::Status CheckLeftOver(const std::vector<Certificate>& path,
                           const std::vector<Certificate>& pool) {
  for (const Certificate& left : pool) {
    const bool root_of_path =
        IsSelfIssued(left) && std::any_of(path.begin(), path.end(), [&](const Certificate& member) {
          return member.IsSignedBy(left);
        });
    if (!root_of_path) {
      return Bad(absl::StrCat("the chain holds ", Title(left), ", which is not on the way from ",
                              Title(path.front()), " to its root"));
    }
  }
  return absl::OkStatus();
}

std::string TextOf(const std::vector<challenge::Name>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const challenge::Name& name) {
    absl::StrAppend(out, name.text());
  });
}

absl::Status CheckLeafDates(const Certificate& leaf, absl::Time now) {
  const auto text = [](absl::Time time) { return absl::FormatTime(time, absl::UTCTimeZone()); };
  if (leaf.not_after() <= leaf.not_before()) return Bad("its validity ends before it begins");
  if (leaf.not_after() <= now) {
    return Bad(absl::StrCat("it ended at ", text(leaf.not_after()), "; now is ", text(now)));
  }
  if (leaf.not_after() - leaf.not_before() > kMaxValidity) {
    return Bad(absl::StrCat("it is valid for ",
                            absl::ToInt64Hours(leaf.not_after() - leaf.not_before()) / 24,
                            " days; at most 2000"));
  }
  if (leaf.not_before() < now - kMaxPast || leaf.not_before() > now + kMaxFuture) {
    return Bad(absl::StrCat("it begins at ", text(leaf.not_before()), ", not near now, ", text(now),
                            ": is the clock right?"));
  }
  return absl::OkStatus();
}

absl::Status CheckLeaf(const Certificate& leaf, const PublicKey& csr_key,
                       const std::vector<challenge::Name>& names, absl::Time now) {
  if (leaf.spki_der() != csr_key.spki_der()) return Bad("it is for another key than the CSR's");
  if (!leaf.names_clean()) {
    return Bad("its subjectAltName has entries that are doubled, invalid or no host names");
  }
  if (leaf.names() != names) {
    return Bad(absl::StrCat("it is for ", Printable(TextOf(leaf.names())), "; ordered were ",
                            Printable(TextOf(names))));
  }
  if ((X509_get_extension_flags(leaf.get()) & EXFLAG_INVALID) != 0) {
    return Bad("one of its extensions is malformed or doubled");
  }
  if (leaf.claims_ca()) return Bad("it is a CA's");
  if (leaf.has_any_eku() && !leaf.has_eku(kServerAuth)) return Bad("it lacks serverAuth");
  return CheckLeafDates(leaf, now);
}

// `upper` signed `lower` and may do so at `now`.
absl::Status CheckLink(const Certificate& lower, const Certificate& upper, absl::Time now) {
  if (!upper.is_ca()) return Bad(absl::StrCat(Title(upper), " is no CA"));
  if (!lower.IsSignedBy(upper)) {
    return Bad(absl::StrCat(Title(lower), " is not signed by ", Title(upper)));
  }
  if (now < upper.not_before() || now > upper.not_after()) {
    return Bad(absl::StrCat(Title(upper), " is not valid at ",
                            absl::FormatTime(now, absl::UTCTimeZone())));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CertificateChain> CertificateChain::ParsePem(absl::string_view pem) {
  ErrorScope scope;
  NORROY_ASSIGN_OR_RETURN(std::vector<Certificate> pool, ReadCertificates(pem));
  CertificateChain chain;
  // RFC 8555 9.1: the end-entity certificate comes first.
  chain.certificates_.push_back(pool.front());
  pool.erase(pool.begin());
  while (!IsSelfIssued(chain.certificates_.back())) {
    absl::StatusOr<Certificate> issuer = TakeIssuer(chain.certificates_.back(), pool);
    if (!issuer.ok()) break;
    chain.certificates_.push_back(*std::move(issuer));
  }
  if (chain.certificates_.size() == 1 && !IsSelfIssued(chain.leaf())) {
    return Bad(absl::StrCat("the chain lacks the certificate \"",
                            Printable(chain.leaf().issuer_common_name(), 64), "\", which issued ",
                            Title(chain.leaf())));
  }
  NORROY_RETURN_IF_ERROR(CheckLeftOver(chain.certificates_, pool));
  // A root that issued the leaf itself stays: without it the chain would name no issuer at all.
  if (chain.certificates_.size() > 2 && IsSelfIssued(chain.certificates_.back())) {
    chain.certificates_.pop_back();
  }
  return chain;
}

std::string CertificateChain::ToPem() const {
  std::string pem;
  for (const Certificate& certificate : certificates_) absl::StrAppend(&pem, certificate.ToPem());
  return pem;
}

absl::Status CheckIssued(const CertificateChain& chain, const PublicKey& csr_key,
                         const std::vector<challenge::Name>& names, absl::Time now) {
  std::vector<challenge::Name> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  absl::Status status = CheckLeaf(chain.leaf(), csr_key, sorted, now);
  const std::vector<Certificate>& path = chain.certificates();
  for (size_t i = 0; i + 1 < path.size() && status.ok(); ++i) {
    status = CheckLink(path[i], path[i + 1], now);
  }
  if (status.ok()) return status;
  return WithContext(status, absl::StrCat("the CA's certificate ", Title(chain.leaf())));
}

}  // namespace norroy::crypto
