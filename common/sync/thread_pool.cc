#include "common/sync/thread_pool.h"

#include <exception>
#include <utility>

#include "common/log/log.h"

namespace norroy {
namespace {

void Run(const std::function<void()>& task) {
  try {
    task();
  } catch (const std::exception& thrown) {
    log::Error("pool", "a task threw: this is a defect", {{"what", thrown.what()}});
  } catch (...) {
    log::Error("pool", "a task threw: this is a defect");
  }
}

}  // namespace

ThreadPool::~ThreadPool() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  changed_.SignalAll();
  for (std::thread& thread : threads) thread.join();
}

bool ThreadPool::Try(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    // Tasks that an idle thread is about to take do not wait.
    const bool room = threads_.size() < max_threads_;
    if (stopping_ || (!room && queue_.size() >= max_queued_ + idle_)) return false;
    queue_.push_back(std::move(task));
    if (room && queue_.size() > idle_) threads_.emplace_back([this] { Work(); });
  }
  changed_.Signal();
  return true;
}

void ThreadPool::Work() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(&mutex_);
      ++idle_;
      while (queue_.empty() && !stopping_) changed_.Wait(&mutex_);
      --idle_;
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    Run(task);
  }
}

}  // namespace norroy
