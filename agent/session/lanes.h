#ifndef NORROY_AGENT_SESSION_LANES_H_
#define NORROY_AGENT_SESSION_LANES_H_

// Does what the session decided. Jobs of one lane (a presentation's id) run strictly one after the
// other; lanes do not wait for each other. What returns at once is done on the caller's thread,
// what may wait by a few threads of our own, which are started when there is work for them.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

inline constexpr int kMaxLaneThreads = 8;
// Of these, for what nobody waits for (sweeps, recovery): a server that is dead must not take all.
inline constexpr int kMaxBackgroundThreads = 4;

// One call of a presenter.
struct Step {
  bool may_wait = false;
  std::function<void()> run;
};

// Decides and does in turns: Next says what to do now, having noted how the steps before went.
class Job {
 public:
  virtual ~Job() = default;
  // Does not wait. Its steps run in parallel; it is called again when all have ended. Empty: over.
  virtual std::vector<Step> Next() = 0;
  virtual bool background() const { return false; }
};

// Thread-safe. Jobs are called and destroyed without locks held.
class Lanes {
 public:
  Lanes() = default;
  // Closes.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // If the lane is free the job begins here and now, and is over when this returns unless some step
  // may wait.
  void Add(const std::string& lane, std::unique_ptr<Job> job);
  // Jobs that are not over.
  int size();
  // False: not all were over in time.
  bool WaitUntilIdle(absl::Duration timeout);
  // No job is asked for its next steps from here on; waits for the steps that our threads are at.
  void Close();

 private:
  struct Running {
    std::string lane;
    std::unique_ptr<Job> job;
    std::deque<std::function<void()>> waiting;
    size_t unfinished = 0;
  };
  using RunningPtr = std::shared_ptr<Running>;

  void Advance(RunningPtr running);
  // The steps that may wait go to the threads. False: there is none.
  bool HandOut(const RunningPtr& running, std::vector<Step> steps);
  // The next of the lane; null if there is none.
  RunningPtr Over(const RunningPtr& running);
  void Work();
  RunningPtr Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar work_;
  CondVar idle_;
  // The jobs that wait for their turn, by lane; the one whose turn it is is not among them.
  std::map<std::string, std::deque<std::unique_ptr<Job>>> lanes_ ABSL_GUARDED_BY(mutex_);
  int size_ ABSL_GUARDED_BY(mutex_) = 0;
  // One step of each in turn, so that no job with many holds the others up.
  std::deque<RunningPtr> urgent_ ABSL_GUARDED_BY(mutex_);
  std::deque<RunningPtr> background_ ABSL_GUARDED_BY(mutex_);
  int running_background_ ABSL_GUARDED_BY(mutex_) = 0;
  int sleeping_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_LANES_H_
