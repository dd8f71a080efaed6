#ifndef NORROY_AGENT_PRESENTER_MEMORY_PRESENTER_H_
#define NORROY_AGENT_PRESENTER_MEMORY_PRESENTER_H_

// A Presenter whose world is a map: for tests of what uses presenters. Like files it outlives the
// session that put things up, and it can be told to fail, to be elsewhere or to wait.

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/presenter/presenter.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

class MemoryPresenter final : public Presenter {
 public:
  explicit MemoryPresenter(challenge::ChallengeType type)
      : MemoryPresenter(type, absl::StrCat("memory ", challenge::ChallengeTypeName(type)), false) {}
  MemoryPresenter(challenge::ChallengeType type, std::string name, bool may_wait)
      : name_(std::move(name)), type_(type), may_wait_(may_wait) {}

  const std::string& name() const override { return name_; }
  challenge::ChallengeType type() const override { return type_; }
  bool may_wait() const override { return may_wait_; }

  absl::StatusOr<std::string> Locate(const challenge::Proof&) override {
    MutexLock lock(&mutex_);
    return location_;
  }

  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof,
                                    const std::string& location) override {
    MutexLock lock(&mutex_);
    WaitUntilUnblocked();
    if (!put_up_status_.ok()) return put_up_status_;
    const Answer answer = {.value = proof.key_authorization.value(), .location = location};
    const auto [at, added] = answers_.emplace(Key(proof), answer);
    if (!added && at->second.value != answer.value) {
      return absl::AlreadyExistsError(absl::StrCat(at->first, " is taken"));
    }
    return "memory";
  }

  absl::Status TakeDown(const challenge::Proof& proof, const std::string& location) override {
    MutexLock lock(&mutex_);
    WaitUntilUnblocked();
    if (!take_down_status_.ok()) return take_down_status_;
    const auto at = answers_.find(Key(proof));
    if (at != answers_.end() && at->second.value == proof.key_authorization.value() &&
        at->second.location == location) {
      answers_.erase(at);
    }
    return absl::OkStatus();
  }

  // What is served for this proof's name and token; empty if nothing.
  std::string Look(const challenge::Proof& proof) {
    MutexLock lock(&mutex_);
    const auto at = answers_.find(Key(proof));
    return at == answers_.end() ? "" : at->second.value;
  }
  int size() {
    MutexLock lock(&mutex_);
    return static_cast<int>(answers_.size());
  }

  // As if the process had ended that served it from memory.
  void Clear() {
    MutexLock lock(&mutex_);
    answers_.clear();
  }

  void FailPutUp(const absl::Status& status) {
    MutexLock lock(&mutex_);
    put_up_status_ = status;
  }
  void FailTakeDown(const absl::Status& status) {
    MutexLock lock(&mutex_);
    take_down_status_ = status;
  }
  void SetLocation(const absl::StatusOr<std::string>& location) {
    MutexLock lock(&mutex_);
    location_ = location;
  }

  // From now on PutUp and TakeDown wait until told.
  void Block() {
    MutexLock lock(&mutex_);
    blocked_ = true;
  }
  void Unblock() {
    MutexLock lock(&mutex_);
    blocked_ = false;
    changed_.SignalAll();
  }
  // Waits until so many calls wait; false after 10 s.
  bool AwaitWaiting(int calls) {
    MutexLock lock(&mutex_);
    while (waiting_ < calls) {
      if (!changed_.WaitFor(&mutex_, absl::Seconds(10))) return false;
    }
    return true;
  }
  // The most calls that waited at once.
  int most_waiting() {
    MutexLock lock(&mutex_);
    return most_waiting_;
  }

 private:
  struct Answer {
    std::string value;
    std::string location;
  };

  static std::string Key(const challenge::Proof& proof) {
    return absl::StrCat(proof.name.text(), " ", proof.token.value());
  }

  void WaitUntilUnblocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++waiting_;
    most_waiting_ = std::max(most_waiting_, waiting_);
    changed_.SignalAll();
    while (blocked_) changed_.Wait(&mutex_);
    --waiting_;
  }

  const std::string name_;
  const challenge::ChallengeType type_;
  const bool may_wait_;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Answer> answers_ ABSL_GUARDED_BY(mutex_);
  absl::Status put_up_status_ ABSL_GUARDED_BY(mutex_);
  absl::Status take_down_status_ ABSL_GUARDED_BY(mutex_);
  absl::StatusOr<std::string> location_ ABSL_GUARDED_BY(mutex_) = std::string();
  bool blocked_ ABSL_GUARDED_BY(mutex_) = false;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_waiting_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_MEMORY_PRESENTER_H_
