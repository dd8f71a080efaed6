#ifndef NORROY_AGENT_PRESENTER_MEMORY_PRESENTER_H_
#define NORROY_AGENT_PRESENTER_MEMORY_PRESENTER_H_

// A Presenter whose world is a map: for tests of what uses presenters. Like files it outlives the
// session that put things up, and it can be told to fail.

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/presenter/presenter.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

class MemoryPresenter final : public Presenter {
 public:
  explicit MemoryPresenter(challenge::ChallengeType type)
      : name_(absl::StrCat("memory ", challenge::ChallengeTypeName(type))), type_(type) {}

  const std::string& name() const override { return name_; }
  challenge::ChallengeType type() const override { return type_; }

  absl::StatusOr<std::string> Locate(const challenge::Proof&) override { return std::string(); }

  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof, const std::string&) override {
    MutexLock lock(&mutex_);
    if (!put_up_status_.ok()) return put_up_status_;
    const auto [at, added] = answers_.emplace(Key(proof), proof.key_authorization.value());
    if (!added && at->second != proof.key_authorization.value()) {
      return absl::AlreadyExistsError(absl::StrCat(at->first, " is taken"));
    }
    return "memory";
  }

  absl::Status TakeDown(const challenge::Proof& proof, const std::string&) override {
    MutexLock lock(&mutex_);
    if (!take_down_status_.ok()) return take_down_status_;
    const auto at = answers_.find(Key(proof));
    if (at != answers_.end() && at->second == proof.key_authorization.value()) answers_.erase(at);
    return absl::OkStatus();
  }

  // What is served for this proof's name and token; empty if nothing.
  std::string Look(const challenge::Proof& proof) {
    MutexLock lock(&mutex_);
    const auto at = answers_.find(Key(proof));
    return at == answers_.end() ? "" : at->second;
  }
  int size() {
    MutexLock lock(&mutex_);
    return static_cast<int>(answers_.size());
  }

  void FailPutUp(const absl::Status& status) {
    MutexLock lock(&mutex_);
    put_up_status_ = status;
  }
  void FailTakeDown(const absl::Status& status) {
    MutexLock lock(&mutex_);
    take_down_status_ = status;
  }

 private:
  static std::string Key(const challenge::Proof& proof) {
    return absl::StrCat(proof.name.text(), " ", proof.token.value());
  }

  const std::string name_;
  const challenge::ChallengeType type_;
  Mutex mutex_;
  std::map<std::string, std::string> answers_ ABSL_GUARDED_BY(mutex_);
  absl::Status put_up_status_ ABSL_GUARDED_BY(mutex_);
  absl::Status take_down_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_MEMORY_PRESENTER_H_
