#include "common/identity/roots.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::identity {
namespace {

using crypto::Certificate;

constexpr size_t kMaxRootDer = 16 * 1024;

absl::Status Bad(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_ROOTS", message);
}

absl::StatusOr<std::vector<Certificate>> ParseCertificates(absl::string_view pem, size_t max) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<crypto::PemBlock> blocks, crypto::PemDecode(pem));
  if (blocks.empty() || blocks.size() > max) {
    return Bad(absl::StrCat(blocks.size(), " PEM blocks; 1 to ", max, " certificates are needed"));
  }
  std::vector<Certificate> certificates;
  for (const crypto::PemBlock& block : blocks) {
    if (block.label != "CERTIFICATE") {
      return Bad(absl::StrCat("a block \"", Printable(block.label, 64),
                              "\" where only certificates belong"));
    }
    NORROY_ASSIGN_OR_RETURN(Certificate certificate, Certificate::ParseDer(block.der));
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

bool Contains(const std::vector<Certificate>& certificates, const Certificate& wanted) {
  return std::any_of(certificates.begin(), certificates.end(), [&](const Certificate& one) {
    return one.fingerprint() == wanted.fingerprint();
  });
}

bool SignsItself(const Certificate& certificate) { return certificate.IsSignedBy(certificate); }

// Whether `certificate` may be believed because of those in `believed`.
bool Follows(const Certificate& certificate, const std::vector<Certificate>& believed,
             const TrustDomain& domain, absl::Time now) {
  const auto own = TrustDomain::OfAuthority(certificate);
  if (!own.ok() || *own != domain) return false;
  if (now < certificate.not_before() || now >= certificate.not_after()) return false;
  return std::any_of(believed.begin(), believed.end(), [&](const Certificate& signer) {
    return now < signer.not_after() && certificate.IsSignedBy(signer);
  });
}

absl::StatusOr<std::vector<Certificate>> ParseTold(const std::vector<std::string>& told_der) {
  if (told_der.size() > kMaxSuccessors) {
    return Bad(absl::StrCat("more than ", kMaxSuccessors, " successors"));
  }
  std::vector<Certificate> told;
  for (const std::string& der : told_der) {
    if (der.size() > kMaxRootDer) return Bad(absl::StrCat("over ", kMaxRootDer, " bytes"));
    absl::StatusOr<Certificate> certificate = Certificate::ParseDer(der);
    if (!certificate.ok()) return Bad(certificate.status().message());
    told.push_back(*std::move(certificate));
  }
  return told;
}

}  // namespace

std::string RevocationFileOf(const std::string& root_file) { return root_file + ".crl"; }

std::string SuccessorsFileOf(const std::string& root_file) { return root_file + ".successors"; }

absl::StatusOr<std::vector<Certificate>> ParseRoots(absl::string_view pem) {
  NORROY_ASSIGN_OR_RETURN(std::vector<Certificate> roots, ParseCertificates(pem, kMaxRoots));
  std::vector<Certificate> seen;
  absl::StatusOr<TrustDomain> first;
  for (const Certificate& root : roots) {
    const auto domain = TrustDomain::OfAuthority(root);
    if (!domain.ok()) return Bad(domain.status().message());
    if (seen.empty()) first = domain;
    if (*domain != *first) {
      return Bad(absl::StrCat("roots of ", first->Host(), " and of ", domain->Host(),
                              " in one file: each would be believed where only the other may be"));
    }
    if (!SignsItself(root)) {
      return Bad(absl::StrCat("\"", Printable(root.subject_common_name(), 64),
                              "\" is signed by another: it is no root"));
    }
    if (Contains(seen, root)) return Bad("the same root twice");
    seen.push_back(root);
  }
  return roots;
}

absl::StatusOr<std::vector<Certificate>> ReadRoots(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const std::string pem, ReadFile(path, kMaxRootFile));
  absl::StatusOr<std::vector<Certificate>> roots = ParseRoots(pem);
  if (!roots.ok()) return WithContext(roots.status(), path);
  return roots;
}

std::string RootsToPem(const std::vector<Certificate>& roots) {
  std::string pem;
  for (const Certificate& root : roots) absl::StrAppend(&pem, root.ToPem());
  return pem;
}

absl::StatusOr<Successors> JudgeSuccessors(const std::vector<Certificate>& roots,
                                           const std::vector<std::string>& told_der,
                                           absl::Time now) {
  if (roots.empty()) return Bad("there is no root to begin with");
  NORROY_ASSIGN_OR_RETURN(const TrustDomain domain, TrustDomain::OfAuthority(roots.front()));
  NORROY_ASSIGN_OR_RETURN(const std::vector<Certificate> told, ParseTold(told_der));
  Successors judged;
  judged.roots = roots;
  judged.retires_others = !told.empty() && Contains(roots, told.front());
  std::vector<Certificate> believed = roots;
  for (const Certificate& certificate : told) {
    if (Contains(believed, certificate)) continue;
    if (!Follows(certificate, believed, domain, now)) {
      if (SignsItself(certificate)) judged.unproven.push_back(certificate);
      continue;
    }
    believed.push_back(certificate);
    if (SignsItself(certificate)) judged.roots.insert(judged.roots.begin(), certificate);
  }
  if (judged.roots.size() > kMaxRoots) {
    return Bad(absl::StrCat("more than ", kMaxRoots, " roots would be believed"));
  }
  return judged;
}

SuccessorsFile::SuccessorsFile(const std::string& root_file, Clock& clock)
    : path_(SuccessorsFileOf(root_file)), clock_(clock) {}

std::shared_ptr<const std::vector<std::string>> SuccessorsFile::Get() {
  MutexLock lock(&mutex_);
  const absl::Duration now = clock_.Monotonic();
  if (now - looked_ < kLookEvery) return now_;
  looked_ = now;
  const FileStamp stamp = FileStamp::Of(path_);
  if (stamp == stamp_) return now_;
  stamp_ = stamp;
  auto fresh = std::make_shared<std::vector<std::string>>();
  if (stamp.there) {
    const auto pem = ReadFile(path_, kMaxRootFile);
    const auto parsed = pem.ok() ? ParseCertificates(*pem, kMaxSuccessors) : pem.status();
    if (!parsed.ok()) {
      log::Error("identity", "successors of the core root are not readable",
                 {{"file", path_}, {"error", parsed.status().message()}});
      return now_;
    }
    for (const Certificate& certificate : *parsed) fresh->push_back(certificate.der());
  }
  now_ = std::move(fresh);
  return now_;
}

}  // namespace norroy::identity
