#ifndef NORROY_ISSUER_SOLVER_VALIDATOR_SOLVER_FIXTURE_H_
#define NORROY_ISSUER_SOLVER_VALIDATOR_SOLVER_FIXTURE_H_

// A ValidatorSolver with two validators that answer as a test says.

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/sync/mutex.h"
#include "issuer/solver/test_sealer.h"
#include "issuer/solver/validator_solver.h"

namespace norroy::solver {

using validator::v1::LookPersistRequest;
using validator::v1::LookPersistResponse;
using validator::v1::LookRequest;
using validator::v1::LookResponse;
using validator::v1::PresentRequest;
using validator::v1::PresentResponse;

inline const absl::Time kStart = absl::FromUnixSeconds(1'772'366'400);

inline challenge::Name NameOf(const std::string& text) {
  return challenge::Name::Parse(text).value();
}

// One thread that runs what it is given, and can be waited for.
class Worker {
 public:
  Worker() : thread_([this] { Work(); }) {}
  ~Worker() {
    Run(nullptr);
    thread_.join();
  }
  void Run(std::function<void()> task) {
    MutexLock lock(&mutex_);
    tasks_.push_back(std::move(task));
    changed_.SignalAll();
  }
  void Drain() {
    MutexLock lock(&mutex_);
    while (busy_ || !tasks_.empty()) changed_.Wait(&mutex_);
  }

 private:
  void Work() {
    while (true) {
      std::function<void()> task;
      {
        MutexLock lock(&mutex_);
        busy_ = false;
        changed_.SignalAll();
        while (tasks_.empty()) changed_.Wait(&mutex_);
        busy_ = true;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      if (!task) return;
      task();
    }
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// A validator that answers as the test says. Everything it does to the solver happens on the
// worker.
class ScriptedLink final : public ValidatorLink {
 public:
  ScriptedLink(std::string address, Worker& worker)
      : address_(std::move(address)), worker_(worker) {}

  const std::string& address() const override { return address_; }

  absl::StatusOr<validator::v1::PlanResponse> Plan(const validator::v1::PlanRequest& request,
                                                   absl::Duration) override {
    MutexLock lock(&mutex_);
    ++plans_;
    return plan_ ? plan_(request) : absl::UnavailableError("no plan");
  }

  Cancel Present(const PresentRequest& request, absl::Duration, PresentDone done) override {
    MutexLock lock(&mutex_);
    const size_t index = requests_.size();
    requests_.push_back(request);
    open_[index] = std::move(done);
    return [this, index] { Answer(index, absl::CancelledError("cancelled")); };
  }

  Cancel Release(const validator::v1::ReleaseRequest& request, absl::Duration,
                 ReleaseDone done) override {
    MutexLock lock(&mutex_);
    releases_.push_back(request);
    worker_.Run([done, status = release_status_] { done(status); });
    return [] {};
  }

  Cancel Look(const LookRequest& request, absl::Duration timeout, LookDone done) override {
    MutexLock lock(&mutex_);
    EXPECT_EQ(timeout, absl::Seconds(15));
    const size_t index = look_requests_.size();
    look_requests_.push_back(request);
    open_looks_[index] = std::move(done);
    return [this, index] { AnswerLook(index, absl::CancelledError("cancelled")); };
  }

  Cancel LookPersist(const LookPersistRequest& request, absl::Duration timeout,
                     LookPersistDone done) override {
    MutexLock lock(&mutex_);
    EXPECT_EQ(timeout, absl::Seconds(15));
    const size_t index = persist_requests_.size();
    persist_requests_.push_back(request);
    open_persist_[index] = std::move(done);
    return [this, index] { AnswerPersist(index, absl::CancelledError("cancelled")); };
  }

  void AnswerPersist(size_t index, absl::StatusOr<LookPersistResponse> answer) {
    MutexLock lock(&mutex_);
    const auto it = open_persist_.find(index);
    if (it == open_persist_.end()) return;
    worker_.Run([done = std::move(it->second), answer = std::move(answer)] { done(answer); });
    open_persist_.erase(it);
  }
  std::vector<LookPersistRequest> persist_requests() {
    MutexLock lock(&mutex_);
    return persist_requests_;
  }

  void AnswerLook(size_t index, absl::StatusOr<LookResponse> answer) {
    MutexLock lock(&mutex_);
    const auto it = open_looks_.find(index);
    if (it == open_looks_.end()) return;
    worker_.Run([done = std::move(it->second), answer = std::move(answer)] { done(answer); });
    open_looks_.erase(it);
  }
  std::vector<LookRequest> look_requests() {
    MutexLock lock(&mutex_);
    return look_requests_;
  }
  size_t open_looks() {
    MutexLock lock(&mutex_);
    return open_looks_.size();
  }

  void Answer(size_t index, absl::StatusOr<PresentResponse> answer) {
    MutexLock lock(&mutex_);
    const auto it = open_.find(index);
    if (it == open_.end()) return;
    worker_.Run([done = std::move(it->second), answer = std::move(answer)] { done(answer); });
    open_.erase(it);
  }
  void SetPlan(
      std::function<absl::StatusOr<validator::v1::PlanResponse>(const validator::v1::PlanRequest&)>
          plan) {
    MutexLock lock(&mutex_);
    plan_ = std::move(plan);
  }
  void SetReleaseStatus(absl::Status status) {
    MutexLock lock(&mutex_);
    release_status_ = std::move(status);
  }
  std::vector<PresentRequest> requests() {
    MutexLock lock(&mutex_);
    return requests_;
  }
  size_t open() {
    MutexLock lock(&mutex_);
    return open_.size();
  }
  int releases() {
    MutexLock lock(&mutex_);
    return static_cast<int>(releases_.size());
  }
  int plans() {
    MutexLock lock(&mutex_);
    return plans_;
  }

 private:
  const std::string address_;
  Worker& worker_;
  Mutex mutex_;
  std::function<absl::StatusOr<validator::v1::PlanResponse>(const validator::v1::PlanRequest&)>
      plan_ ABSL_GUARDED_BY(mutex_);
  absl::Status release_status_ ABSL_GUARDED_BY(mutex_);
  std::vector<PresentRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::map<size_t, PresentDone> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<validator::v1::ReleaseRequest> releases_ ABSL_GUARDED_BY(mutex_);
  std::vector<LookRequest> look_requests_ ABSL_GUARDED_BY(mutex_);
  std::map<size_t, LookDone> open_looks_ ABSL_GUARDED_BY(mutex_);
  std::vector<LookPersistRequest> persist_requests_ ABSL_GUARDED_BY(mutex_);
  std::map<size_t, LookPersistDone> open_persist_ ABSL_GUARDED_BY(mutex_);
  int plans_ ABSL_GUARDED_BY(mutex_) = 0;
};

inline PresentResponse Response(validator::v1::PresentationState state, int64_t revision) {
  PresentResponse response;
  response.set_state(state);
  response.set_revision(revision);
  validator::v1::PresentedName& name = *response.add_names();
  *name.mutable_name()->mutable_identifier() =
      challenge::ToProto(NameOf("www.example.com").identifier());
  name.set_state(state);
  name.set_type(types::v1::CHALLENGE_TYPE_HTTP_01);
  name.add_agents("web1");
  return response;
}

inline constexpr auto kPuttingUp = validator::v1::PRESENTATION_STATE_PUTTING_UP;
inline constexpr auto kReady = validator::v1::PRESENTATION_STATE_READY;

inline Presentation Wish(int64_t generation) {
  const auto token = challenge::Token::Parse("token").value();
  const challenge::Proof proof{
      NameOf("www.example.com"), challenge::ChallengeType::kHttp01, token,
      challenge::KeyAuthorization::Make(token, std::string(43, 'A')).value()};
  Presentation wish;
  wish.id = "order1";
  wish.generation = generation;
  wish.not_after = kStart + absl::Minutes(15);
  wish.proofs = {TestSealer().Seal("order1", generation, proof, kStart, wish.not_after).value()};
  return wish;
}

class ValidatorSolverTest : public ::testing::Test {
 protected:
  ValidatorSolverTest() {
    ValidatorSolverOptions options{.validators = {}, .timers = timers_, .clock = clock_};
    for (const char* address : {"v1:1", "v2:1"}) {
      auto link = std::make_unique<ScriptedLink>(address, worker_);
      links_.push_back(link.get());
      options.validators.push_back(std::move(link));
    }
    solver_ = MakeValidatorSolver(std::move(options));
    solver_->OnChange([this](const std::string& id) {
      MutexLock lock(&mutex_);
      changed_.push_back(id);
    });
  }

  ScriptedLink& v1() { return *links_[0]; }
  ScriptedLink& v2() { return *links_[1]; }
  // Answers the last call of the link.
  void Answer(ScriptedLink& link, absl::StatusOr<PresentResponse> answer) {
    link.Answer(link.requests().size() - 1, std::move(answer));
    worker_.Drain();
  }
  int changes() {
    MutexLock lock(&mutex_);
    return static_cast<int>(changed_.size());
  }

  Worker worker_;
  SimulatedClock clock_{kStart};
  SimulatedTimers timers_{clock_};
  Mutex mutex_;
  std::vector<std::string> changed_ ABSL_GUARDED_BY(mutex_);
  std::vector<ScriptedLink*> links_;
  std::unique_ptr<Solver> solver_;
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_VALIDATOR_SOLVER_FIXTURE_H_
