#ifndef NORROY_ISSUER_SEAL_WATCH_H_
#define NORROY_ISSUER_SEAL_WATCH_H_

// Takes up a seal certificate that replaces the one before it, without restart. Proofs that were
// sealed before keep their seals, which hold until they end.

#include <memory>

#include "absl/status/status.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/identity/file_stamp.h"
#include "common/sync/mutex.h"
#include "issuer/keys/seal_pair.h"
#include "issuer/solver/sealer.h"

namespace norroy {

// Looks once a second. A file that is not usable is logged, and the seal before it goes on.
class SealWatch {
 public:
  // `sealer`, `timers` and `clock` outlive this.
  SealWatch(keys::SealFiles files, solver::Sealer& sealer, Timers& timers, Clock& clock);
  ~SealWatch();
  SealWatch(const SealWatch&) = delete;
  SealWatch& operator=(const SealWatch&) = delete;

 private:
  struct Shared {
    keys::SealFiles files;
    solver::Sealer& sealer;
    Timers& timers;
    Clock& clock;
    Mutex mutex;
    bool over ABSL_GUARDED_BY(mutex) = false;
    identity::FileStamp stamp ABSL_GUARDED_BY(mutex);
  };
  static void Later(const std::shared_ptr<Shared>& shared);
  static void Look(Shared& shared) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shared.mutex);

  const std::shared_ptr<Shared> shared_;
};

}  // namespace norroy

#endif  // NORROY_ISSUER_SEAL_WATCH_H_
