#include "validator/preflight/crew.h"

#include <memory>

#include "common/sync/mutex.h"

namespace norroy::validator::preflight {
namespace {

// Outlives Each, because a helper may come late; it then finds nothing left and touches no piece.
class Round {
 public:
  explicit Round(size_t count) : count_(count) {}

  void Work(const std::function<void(size_t)>* piece) {
    for (size_t mine = Take(); mine < count_; mine = Take()) {
      (*piece)(mine);
      MutexLock lock(&mutex_);
      if (++done_ == count_) changed_.SignalAll();
    }
  }

  void WaitForAll() {
    MutexLock lock(&mutex_);
    while (done_ < count_) changed_.Wait(&mutex_);
  }

 private:
  size_t Take() {
    MutexLock lock(&mutex_);
    return next_ < count_ ? next_++ : count_;
  }

  const size_t count_;
  Mutex mutex_;
  CondVar changed_;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t done_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

void Crew::Each(size_t count, const std::function<void(size_t)>& piece) {
  const auto round = std::make_shared<Round>(count);
  for (size_t i = 1; i < count; ++i) {
    if (!pool_.Try([round, &piece] { round->Work(&piece); })) break;
  }
  round->Work(&piece);
  round->WaitForAll();
}

}  // namespace norroy::validator::preflight
