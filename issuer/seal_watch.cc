#include "issuer/seal_watch.h"

#include <utility>

#include "common/identity/roots.h"
#include "common/log/log.h"

namespace norroy {

SealWatch::SealWatch(keys::SealFiles files, solver::Sealer& sealer, Timers& timers, Clock& clock)
    : shared_(new Shared{std::move(files), sealer, timers, clock}) {
  {
    MutexLock lock(&shared_->mutex);
    shared_->stamp = identity::FileStamp::Of(shared_->files.seal_file);
  }
  Later(shared_);
}

SealWatch::~SealWatch() {
  MutexLock lock(&shared_->mutex);
  shared_->over = true;
}

void SealWatch::Later(const std::shared_ptr<Shared>& shared) {
  shared->timers.After(identity::kLookEvery, [weak = std::weak_ptr<Shared>(shared)] {
    const std::shared_ptr<Shared> shared = weak.lock();
    if (shared == nullptr) return;
    {
      MutexLock lock(&shared->mutex);
      if (shared->over) return;
      Look(*shared);
    }
    Later(shared);
  });
}

void SealWatch::Look(Shared& shared) {
  const identity::FileStamp stamp = identity::FileStamp::Of(shared.files.seal_file);
  if (stamp == shared.stamp) return;
  shared.stamp = stamp;
  absl::StatusOr<keys::SealPair> pair = keys::OpenSealPair(shared.files, shared.clock.Now());
  if (!pair.ok()) {
    log::Error("identity", "seal is not usable; the one before it goes on",
               {{"error", pair.status().message()}});
    return;
  }
  log::Info("identity", "proofs are sealed by another certificate from now on",
            {{"serial", pair->certificate.serial()}});
  shared.sealer.Replace(std::move(pair->signer), std::move(pair->certificate));
}

}  // namespace norroy
