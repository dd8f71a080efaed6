#include "issuer/sign_in/signing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/identity/roots.h"
#include "common/status_macros.h"

namespace norroy::sign_in {
namespace {

absl::Status BadAuthority(const std::string& path, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_CI_CA",
                   absl::StrCat(path, ": ", message));
}

absl::Status CheckDomain(const std::string& path, const crypto::Certificate& certificate,
                         const std::string& deployment) {
  const auto domain = identity::TrustDomain::OfAuthority(certificate);
  if (domain.ok() && certificate.is_ca() && *domain == identity::TrustDomain{"ci", deployment}) {
    return absl::OkStatus();
  }
  return BadAuthority(path, absl::StrCat("not the CI intermediate of deployment ", deployment,
                                         "; make it with \"norroy identity ci-authority\""));
}

}  // namespace

CiAuthority::CiAuthority(std::string path, std::string deployment, absl::Duration lifetime)
    : path_(std::move(path)),
      deployment_(std::move(deployment)),
      lifetime_(std::min(lifetime, kMaxClientLifetime)) {}

absl::Status CiAuthority::Check(const std::string& path, const std::string& core_root_file,
                                const std::string& deployment, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile file, identity::ReadIdentityFile(path));
  NORROY_RETURN_IF_ERROR(CheckDomain(path, file.chain[0], deployment));
  if (file.chain[0].not_after() <= now) {
    return BadAuthority(path, absl::StrCat("ended at ", absl::FormatTime(file.chain[0].not_after(),
                                                                         absl::UTCTimeZone())));
  }
  NORROY_ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> roots,
                          identity::ReadRoots(core_root_file));
  for (const crypto::Certificate& root : roots) {
    if (file.chain[0].IsSignedBy(root)) return absl::OkStatus();
  }
  return BadAuthority(path, absl::StrCat("not signed by a root in ", core_root_file));
}

absl::StatusOr<ClientCertificate> CiAuthority::Sign(absl::string_view csr_der,
                                                    absl::string_view requester,
                                                    absl::Time now) const {
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, crypto::Csr::ParseForIdentity(csr_der));
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile file, identity::ReadIdentityFile(path_));
  const identity::Authority authority{file.key, file.chain[0]};
  NORROY_RETURN_IF_ERROR(CheckDomain(path_, authority.certificate, deployment_));
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate leaf,
                          identity::IssueLeaf(authority, csr.public_key(),
                                              {.identity = {deployment_, types::v1::ROLE_REQUESTER,
                                                            std::string(requester), ""},
                                               .hosts = {},
                                               .now = now,
                                               .lifetime = lifetime_,
                                               .backdate = kClientBackdate}));
  ClientCertificate certificate{leaf.ToPem(), leaf.serial(), leaf.not_after()};
  for (const crypto::Certificate& above : file.chain) {
    absl::StrAppend(&certificate.chain_pem, above.ToPem());
  }
  return certificate;
}

}  // namespace norroy::sign_in
