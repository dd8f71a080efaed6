#ifndef NORROY_COMMON_SYNC_THREAD_POOL_H_
#define NORROY_COMMON_SYNC_THREAD_POOL_H_

// A fixed number of threads and a bounded queue. A full pool refuses instead of growing. The
// destructor runs what is queued, then joins: a task that must answer somebody always answers.
// Thread-safe.

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/sync/mutex.h"

namespace norroy {

class ThreadPool {
 public:
  // `max_queued` tasks may wait beyond those that run.
  ThreadPool(int threads, int max_queued);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False: full, or being destroyed; the task was not taken.
  [[nodiscard]] bool Try(std::function<void()> task);

 private:
  void Work();

  const size_t max_queued_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace norroy

#endif  // NORROY_COMMON_SYNC_THREAD_POOL_H_
