#ifndef NORROY_COMMON_SYNC_THREAD_POOL_H_
#define NORROY_COMMON_SYNC_THREAD_POOL_H_

// Some threads, started as they are needed, and a bounded queue. A full pool refuses instead of
// growing. The destructor runs what is queued, then joins: a task that must answer somebody always
// answers. A task that throws is a defect; it is logged, and its thread takes the next.
// Thread-safe.

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/sync/mutex.h"

namespace norroy {

class ThreadPool {
 public:
  // At most `threads` at once; `max_queued` tasks may wait beyond those that run.
  ThreadPool(int threads, int max_queued)
      : max_threads_(static_cast<size_t>(threads)), max_queued_(static_cast<size_t>(max_queued)) {}
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False: full, or being destroyed; the task was not taken.
  [[nodiscard]] bool Try(std::function<void()> task);

 private:
  void Work();

  const size_t max_threads_;
  const size_t max_queued_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy

#endif  // NORROY_COMMON_SYNC_THREAD_POOL_H_
