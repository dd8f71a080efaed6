#include "common/identity/revocations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/identity/roots.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::identity {
namespace {

absl::Status Bad(const std::string& path, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_REVOCATION_LIST",
                   absl::StrCat(path, ": ", message,
                                "; copy the list again from where \"norroy identity revoke\" "
                                "wrote it"));
}

}  // namespace

absl::StatusOr<std::optional<crypto::RevocationList>> ReadRevocationList(
    const std::string& path, const std::string& root_file) {
  if (!FileStamp::Of(path).there) return std::optional<crypto::RevocationList>();
  const auto pem = ReadFile(path, crypto::kMaxRevocationList);
  if (!pem.ok()) return Bad(path, pem.status().message());
  auto list = crypto::RevocationList::ParsePem(*pem);
  if (!list.ok()) return Bad(path, list.status().message());
  NORROY_ASSIGN_OR_RETURN(const auto roots, ReadRoots(root_file));
  const bool ours = std::any_of(roots.begin(), roots.end(),
                                [&](const auto& root) { return list->IsSignedBy(root); });
  if (!ours) return Bad(path, absl::StrCat("no root in ", root_file, " signed it"));
  return std::optional<crypto::RevocationList>(*std::move(list));
}

Revocations::Revocations(const std::string& root_file, Clock& clock)
    : root_file_(root_file),
      path_(RevocationFileOf(root_file)),
      clock_(clock),
      looked_(clock.Monotonic()) {}

absl::StatusOr<std::unique_ptr<Revocations>> Revocations::Open(const std::string& root_file,
                                                               Clock& clock) {
  std::unique_ptr<Revocations> revocations(new Revocations(root_file, clock));
  MutexLock lock(&revocations->mutex_);
  NORROY_RETURN_IF_ERROR(revocations->Load(FileStamp::Of(revocations->path_)));
  return revocations;
}

absl::Status Revocations::Load(const FileStamp& stamp) {
  stamp_ = stamp;
  NORROY_ASSIGN_OR_RETURN(auto list, ReadRevocationList(path_, root_file_));
  if (!list.has_value()) {
    return list_.has_value() ? Bad(path_, "it is gone") : absl::OkStatus();
  }
  if (list_.has_value() && list->number() < list_->number()) {
    return Bad(path_, absl::StrCat("it is number ", list->number(), ", older than number ",
                                   list_->number(), " that was there"));
  }
  list_ = std::move(list);
  return absl::OkStatus();
}

void Revocations::LookAgain() {
  const absl::Duration now = clock_.Monotonic();
  if (now - looked_ < kLookEvery) return;
  looked_ = now;
  const FileStamp stamp = FileStamp::Of(path_);
  if (stamp == stamp_) return;
  const absl::Status loaded = Load(stamp);
  if (loaded.ok()) {
    log::Info("identity", "revocation list is in force",
              {{"file", path_},
               {"number", list_.has_value() ? list_->number() : 0},
               {"revoked", list_.has_value() ? list_->size() : 0}});
    return;
  }
  log::Error("identity", "revocation list is not usable; the one before it counts",
             {{"error", loaded.message()}});
}

absl::Status Revocations::Check(absl::string_view serial, absl::string_view who) {
  MutexLock lock(&mutex_);
  LookAgain();
  if (!list_.has_value() || !list_->Revokes(serial)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnauthenticated, "CERTIFICATE_REVOKED",
                   absl::StrCat("the certificate ", serial, " of ", who,
                                " is revoked; a new identity is made with \"norroy identity "
                                "issue\" where the core root's key is"));
}

}  // namespace norroy::identity
