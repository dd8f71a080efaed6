#include "issuer/solver/persist_looker.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "issuer/solver/look_convert.h"

namespace norroy::solver {
namespace {

using validator::v1::LookPersistResponse;

constexpr absl::Duration kLookTimeout = absl::Seconds(15);

// The views of one look, by validator, until the last is there.
class Gathering {
 public:
  Gathering(size_t validators, Solver::PersistDone done)
      : open_(validators), views_(validators), done_(std::move(done)) {}

  void Put(size_t validator, types::v1::View view) {
    {
      MutexLock lock(&mutex_);
      views_[validator] = std::move(view);
      if (--open_ > 0) return;
    }
    done_(Views());
  }

 private:
  std::vector<types::v1::View> Views() {
    MutexLock lock(&mutex_);
    return views_;
  }

  Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_);
  std::vector<types::v1::View> views_ ABSL_GUARDED_BY(mutex_);
  const Solver::PersistDone done_;
};

}  // namespace

void PersistLooker::Look(const PersistLook& look, const Solver::PersistDone& done) {
  const validator::v1::LookPersistRequest request = ToLookRequest(look);
  const auto gathering = std::make_shared<Gathering>(validators_.size(), done);
  for (size_t i = 0; i < validators_.size(); ++i) {
    const std::string& address = validators_[i]->address();
    const uint64_t call = calls_.Begin();
    if (call == 0) {
      gathering->Put(i, Unseen(address, absl::CancelledError("the issuer stops"), clock_.Now()));
      continue;
    }
    ValidatorLink::Cancel cancel = validators_[i]->LookPersist(
        request, kLookTimeout,
        [this, gathering, i, call, address](const absl::StatusOr<LookPersistResponse>& answer) {
          absl::StatusOr<types::v1::View> view =
              answer.ok() ? FromProto(*answer, address)
                          : absl::StatusOr<types::v1::View>(answer.status());
          gathering->Put(
              i, view.ok() ? *std::move(view) : Unseen(address, view.status(), clock_.Now()));
          calls_.End(call);
        });
    calls_.Made(call, std::move(cancel));
  }
}

void PersistLooker::Close() { calls_.Close(absl::ZeroDuration()); }

}  // namespace norroy::solver
