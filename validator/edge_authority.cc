#include "validator/edge_authority.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/daemon/settings.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/roots.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::validator {

absl::StatusOr<identity::Authority> ReadEdgeAuthority(const std::string& path,
                                                      const std::string& edge_root_file,
                                                      const std::string& deployment,
                                                      absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const auto roots, identity::ReadRoots(edge_root_file));
  NORROY_ASSIGN_OR_RETURN(identity::IdentityFile file, identity::ReadIdentityFile(path));
  crypto::Certificate& certificate = file.chain.front();
  const auto domain = identity::TrustDomain::OfAuthority(certificate);
  if (!domain.ok()) return WithContext(domain.status(), path);
  const identity::TrustDomain needed = {"edge", deployment};
  if (*domain != needed) {
    return daemon::BadConfig(absl::StrCat(path, " is an authority of ", domain->Host(), "; one of ",
                                          needed.Host(), " is needed"));
  }
  if (!std::any_of(roots.begin(), roots.end(),
                   [&](const auto& root) { return certificate.IsSignedBy(root); })) {
    return daemon::BadConfig(absl::StrCat(path, " does not lead to the root in ", edge_root_file));
  }
  if (certificate.not_after() <= now) {
    return daemon::BadConfig(absl::StrCat(
        path, " expired at ", absl::FormatTime(certificate.not_after(), absl::UTCTimeZone()),
        ": renew it with `norroy identity renew`"));
  }
  return identity::Authority{std::move(file.key), std::move(certificate)};
}

EdgeAuthority::EdgeAuthority(std::string path, std::string edge_root_file, std::string deployment,
                             Clock& clock)
    : path_(std::move(path)),
      edge_root_file_(std::move(edge_root_file)),
      deployment_(std::move(deployment)),
      clock_(clock),
      looked_(clock.Monotonic()) {}

absl::StatusOr<std::unique_ptr<EdgeAuthority>> EdgeAuthority::Open(
    const std::string& path, const std::string& edge_root_file, const std::string& deployment,
    Clock& clock) {
  std::unique_ptr<EdgeAuthority> authority(
      new EdgeAuthority(path, edge_root_file, deployment, clock));
  MutexLock lock(&authority->mutex_);
  NORROY_RETURN_IF_ERROR(authority->Load());
  return authority;
}

absl::Status EdgeAuthority::Load() {
  stamp_ = identity::FileStamp::Of(path_);
  NORROY_ASSIGN_OR_RETURN(identity::Authority read,
                          ReadEdgeAuthority(path_, edge_root_file_, deployment_, clock_.Now()));
  now_ = std::make_shared<const identity::Authority>(std::move(read));
  return absl::OkStatus();
}

std::shared_ptr<const identity::Authority> EdgeAuthority::Get() {
  MutexLock lock(&mutex_);
  const absl::Duration now = clock_.Monotonic();
  if (now - looked_ < identity::kLookEvery) return now_;
  looked_ = now;
  if (identity::FileStamp::Of(path_) == stamp_) return now_;
  const absl::Status loaded = Load();
  if (loaded.ok()) {
    log::Info("identity", "agents' certificates are signed by another authority from now on",
              {{"serial", now_->certificate.serial()}});
  } else {
    log::Error("identity", "edge authority is not usable; the one before it goes on",
               {{"error", loaded.message()}});
  }
  return now_;
}

}  // namespace norroy::validator
