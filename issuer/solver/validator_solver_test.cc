#include "issuer/solver/validator_solver.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/solver/presentation_convert.h"
#include "issuer/solver/solver_contract.h"
#include "issuer/solver/test_sealer.h"

namespace norroy::solver {
namespace {

using challenge::ChallengeType;
using validator::v1::PresentRequest;
using validator::v1::PresentResponse;

const absl::Time kStart = absl::FromUnixSeconds(1'772'366'400);

challenge::Name NameOf(const std::string& text) { return challenge::Name::Parse(text).value(); }

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
  int plans_ ABSL_GUARDED_BY(mutex_) = 0;
};

PresentResponse Response(validator::v1::PresentationState state, int64_t revision) {
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

const auto kPuttingUp = validator::v1::PRESENTATION_STATE_PUTTING_UP;
const auto kReady = validator::v1::PRESENTATION_STATE_READY;

Presentation Wish(int64_t generation) {
  const auto token = challenge::Token::Parse("token").value();
  const challenge::Proof proof{
      NameOf("www.example.com"), ChallengeType::kHttp01, token,
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

TEST_F(ValidatorSolverTest, KeepsOneHeldCallWhilePuttingUp) {
  const auto first = solver_->Present(Wish(1));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->state, PresentationState::kPuttingUp);
  ASSERT_EQ(first->names.size(), 1u);
  EXPECT_EQ(first->names[0].name.text(), "www.example.com");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  ASSERT_EQ(v1().requests().size(), 1u);
  EXPECT_TRUE(v1().requests()[0].wait());
  EXPECT_EQ(v1().requests()[0].known_revision(), 0);
  EXPECT_EQ(v1().requests()[0].proofs_size(), 1);

  Answer(v1(), Response(kPuttingUp, 4));
  EXPECT_EQ(changes(), 1);
  ASSERT_EQ(v1().requests().size(), 2u);
  EXPECT_EQ(v1().requests()[1].known_revision(), 4);

  // Held for 20 s, nothing new: asked again at once, nobody is told.
  clock_.Advance(absl::Seconds(20));
  Answer(v1(), Response(kPuttingUp, 4));
  EXPECT_EQ(changes(), 1);
  ASSERT_EQ(v1().requests().size(), 3u);

  Answer(v1(), Response(kReady, 5));
  EXPECT_EQ(changes(), 2);
  const auto ready = solver_->Present(Wish(1));
  ASSERT_TRUE(ready.ok());
  EXPECT_EQ(ready->state, PresentationState::kReady);
  EXPECT_EQ(ready->names[0].agents, std::vector<std::string>{"web1"});
  EXPECT_EQ(v1().requests().size(), 3u);
}

TEST_F(ValidatorSolverTest, RestsWhenAnAnswerIsNotHeld) {
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  Answer(v1(), Response(kPuttingUp, 1));
  Answer(v1(), Response(kPuttingUp, 1));
  EXPECT_EQ(v1().requests().size(), 2u);
  timers_.Advance(absl::Seconds(1));
  EXPECT_EQ(v1().requests().size(), 3u);
}

TEST_F(ValidatorSolverTest, AsksTheNextValidatorThenSaysUnavailable) {
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  Answer(v1(), absl::UnavailableError("connection refused"));
  EXPECT_EQ(changes(), 0);
  ASSERT_EQ(v2().requests().size(), 1u);
  Answer(v2(), absl::DeadlineExceededError("too slow"));
  EXPECT_EQ(changes(), 1);
  const absl::Status status = solver_->Present(Wish(1)).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_NE(status.message().find("v2:1"), absl::string_view::npos) << status;
  // Said once; asked again after that.
  EXPECT_TRUE(solver_->Present(Wish(1)).ok());
  EXPECT_EQ(v1().requests().size(), 2u);
}

TEST_F(ValidatorSolverTest, OtherErrorsAreTheAnswer) {
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  Answer(v1(), MakeError(absl::StatusCode::kFailedPrecondition, "RELEASED", "was released"));
  EXPECT_EQ(changes(), 1);
  EXPECT_EQ(ErrorReason(solver_->Present(Wish(1)).status()), "RELEASED");
  EXPECT_EQ(v2().requests().size(), 0u);
}

TEST_F(ValidatorSolverTest, NonsenseIsAnError) {
  const std::vector<std::function<void(PresentResponse&)>> cases = {
      [](PresentResponse& r) { r.set_state(static_cast<validator::v1::PresentationState>(77)); },
      [](PresentResponse& r) { r.clear_state(); },
      [](PresentResponse& r) { r.add_names(); },
      [](PresentResponse& r) {
        r.mutable_names(0)->set_type(static_cast<types::v1::ChallengeType>(9));
      },
      [](PresentResponse& r) {
        for (int i = 0; i < 1001; ++i) *r.add_names() = r.names(0);
      },
  };
  int64_t generation = 0;
  for (const auto& change : cases) {
    ASSERT_TRUE(solver_->Present(Wish(++generation)).ok());
    PresentResponse response = Response(kReady, 1);
    change(response);
    Answer(v1(), response);
    EXPECT_EQ(ErrorReason(solver_->Present(Wish(generation)).status()), "VALIDATOR_PROTOCOL");
  }
}

TEST_F(ValidatorSolverTest, ANewWishEndsTheOldCall) {
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  ASSERT_TRUE(solver_->Present(Wish(2)).ok());
  worker_.Drain();
  EXPECT_EQ(v1().open(), 1u);
  EXPECT_EQ(changes(), 0);
  EXPECT_EQ(ErrorReason(solver_->Present(Wish(1)).status()), "STALE_GENERATION");
  Answer(v1(), Response(kReady, 1));
  EXPECT_EQ(solver_->Present(Wish(2))->state, PresentationState::kReady);

  Presentation without = Wish(2);
  without.failed_types.push_back({NameOf("www.example.com"), ChallengeType::kHttp01});
  EXPECT_EQ(solver_->Present(without)->state, PresentationState::kPuttingUp);
  EXPECT_EQ(v1().requests().back().failed_types_size(), 1);
}

TEST_F(ValidatorSolverTest, ReleasesWhereItWasShownAndAgainUntilTheLeaseEnds) {
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  v1().SetReleaseStatus(absl::UnavailableError("down"));
  ASSERT_TRUE(solver_->Release("order1", 1, kStart + absl::Minutes(15)).ok());
  worker_.Drain();
  EXPECT_EQ(v1().open(), 0u);
  EXPECT_EQ(v1().releases(), 1);
  EXPECT_EQ(v2().releases(), 0);
  for (const int seconds : {1, 2, 4}) {
    const int before = v1().releases();
    timers_.Advance(absl::Seconds(seconds));
    worker_.Drain();
    EXPECT_EQ(v1().releases(), before + 1);
  }
  v1().SetReleaseStatus(absl::OkStatus());
  timers_.Advance(absl::Seconds(8));
  worker_.Drain();
  const int sent = v1().releases();
  timers_.Advance(absl::Hours(1));
  worker_.Drain();
  EXPECT_EQ(v1().releases(), sent);

  // Of an earlier life: whoever may have it.
  ASSERT_TRUE(solver_->Release("order0", 3, kStart + absl::Hours(2)).ok());
  worker_.Drain();
  EXPECT_EQ(v1().releases(), sent + 1);
  EXPECT_EQ(v2().releases(), 1);
}

TEST_F(ValidatorSolverTest, PlansWhereThePlanIsWhole) {
  const auto plan = [](const std::vector<std::string>& agents,
                       const std::vector<std::string>& missing) {
    return [=](const validator::v1::PlanRequest& request) {
      validator::v1::PlanResponse response;
      for (const validator::v1::PlannedName& name : request.names()) {
        validator::v1::NamePlan& planned = *response.add_names();
        *planned.mutable_name() = name;
        validator::v1::TypePlan& type = *planned.add_types();
        type.set_type(types::v1::CHALLENGE_TYPE_HTTP_01);
        for (const std::string& agent : agents) type.add_agents(agent);
        for (const std::string& agent : missing) type.add_missing(agent);
      }
      return absl::StatusOr<validator::v1::PlanResponse>(response);
    };
  };
  const std::vector<challenge::Name> names = {NameOf("www.example.com")};
  EXPECT_TRUE(absl::IsUnavailable(solver_->Plan(names).status()));
  v1().SetPlan(plan({}, {"web1"}));
  EXPECT_EQ((*solver_->Plan(names))[0].types[0].missing, std::vector<std::string>{"web1"});
  v2().SetPlan(plan({"web1"}, {}));
  EXPECT_EQ((*solver_->Plan(names))[0].types[0].agents, std::vector<std::string>{"web1"});
  // From now on v2 is asked first, for presentations too.
  const int before = v1().plans();
  EXPECT_TRUE(solver_->Plan(names).ok());
  EXPECT_EQ(v1().plans(), before);
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  EXPECT_EQ(v2().requests().size(), 1u);
  v2().SetPlan([](const auto&) { return validator::v1::PlanResponse(); });
  EXPECT_EQ(ErrorReason(solver_->Plan(names).status()), "VALIDATOR_PROTOCOL");
}

TEST_F(ValidatorSolverTest, EndsWithCallsOpen) {
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  solver_.reset();
  EXPECT_EQ(changes(), 0);
}

// A validator whose agents are a FakeSolver: holds Present as a validator does.
class LinkOverFake final : public ValidatorLink {
 public:
  LinkOverFake(FakeSolver& agents, Worker& worker) : agents_(agents), worker_(worker) {
    agents_.OnChange([this](const std::string& id) { worker_.Run([this, id] { Changed(id); }); });
  }

  const std::string& address() const override { return address_; }

  absl::StatusOr<validator::v1::PlanResponse> Plan(const validator::v1::PlanRequest& request,
                                                   absl::Duration) override {
    std::vector<challenge::Name> names;
    for (const validator::v1::PlannedName& name : request.names()) names.push_back(Read(name));
    const auto plans = agents_.Plan(names);
    if (!plans.ok()) return plans.status();
    validator::v1::PlanResponse response;
    for (int i = 0; i < request.names_size(); ++i) {
      validator::v1::NamePlan& planned = *response.add_names();
      *planned.mutable_name() = request.names(i);
      for (const TypePlan& plan : (*plans)[i].types) {
        validator::v1::TypePlan& type = *planned.add_types();
        type.set_type(challenge::ToProto(plan.type));
        for (const std::string& agent : plan.agents) type.add_agents(agent);
        for (const std::string& agent : plan.missing) type.add_missing(agent);
      }
    }
    return response;
  }

  // Everything from here on happens on the worker.
  Cancel Present(const PresentRequest& request, absl::Duration, PresentDone done) override {
    const int call = ++last_call_;
    worker_.Run([this, call, request, done] {
      held_[call] = {request, done};
      Look(call);
    });
    return [this, call] {
      worker_.Run([this, call] { Finish(call, absl::CancelledError("cancelled")); });
    };
  }

  Cancel Release(const validator::v1::ReleaseRequest& request, absl::Duration,
                 ReleaseDone done) override {
    worker_.Run([this, request, done] {
      done(agents_.Release(request.presentation_id(), request.generation(),
                           absl::FromUnixSeconds(request.tombstone_until().seconds())));
    });
    return [] {};
  }

 private:
  struct Held {
    PresentRequest request;
    PresentDone done;
  };

  static challenge::Name Read(const validator::v1::PlannedName& name) {
    return challenge::Name::Of(challenge::FromProto(name.identifier()).value(), name.wildcard());
  }

  void Finish(int call, absl::StatusOr<PresentResponse> answer) {
    const auto it = held_.find(call);
    if (it == held_.end()) return;
    const PresentDone done = std::move(it->second.done);
    held_.erase(it);
    done(std::move(answer));
  }

  void Changed(const std::string& id) {
    ++revisions_[id];
    std::set<int> calls;
    for (const auto& [call, held] : held_) {
      if (held.request.presentation_id() == id) calls.insert(call);
    }
    for (const int call : calls) Look(call);
  }

  void Look(int call) {
    const PresentRequest& request = held_.at(call).request;
    const auto status = agents_.Present(ReadWish(request));
    if (!status.ok()) return Finish(call, status.status());
    int64_t& revision = revisions_[request.presentation_id()];
    if (request.known_revision() == 0) ++revision;
    if (revision == request.known_revision()) return;
    Finish(call, Write(*status, revision));
  }

  static Presentation ReadWish(const PresentRequest& request) {
    Presentation wish;
    wish.id = request.presentation_id();
    wish.generation = request.generation();
    wish.not_after = kStart + absl::Minutes(15);
    wish.proofs.assign(request.proofs().begin(), request.proofs().end());
    for (const validator::v1::FailedType& failed : request.failed_types()) {
      wish.failed_types.push_back(
          {Read(failed.name()), challenge::FromProto(failed.type()).value()});
    }
    return wish;
  }

  static validator::v1::PresentationState Write(PresentationState state) {
    switch (state) {
      case PresentationState::kPuttingUp:
        return validator::v1::PRESENTATION_STATE_PUTTING_UP;
      case PresentationState::kReady:
        return validator::v1::PRESENTATION_STATE_READY;
      case PresentationState::kFailed:
        return validator::v1::PRESENTATION_STATE_FAILED;
      case PresentationState::kReleased:
        return validator::v1::PRESENTATION_STATE_RELEASED;
    }
    return validator::v1::PRESENTATION_STATE_UNSPECIFIED;
  }

  static PresentResponse Write(const PresentationStatus& status, int64_t revision) {
    PresentResponse response;
    response.set_revision(revision);
    response.set_state(Write(status.state));
    for (const PresentedName& presented : status.names) {
      validator::v1::PresentedName& name = *response.add_names();
      *name.mutable_name()->mutable_identifier() = challenge::ToProto(presented.name.identifier());
      name.mutable_name()->set_wildcard(presented.name.wildcard());
      name.set_state(Write(presented.state));
      if (presented.type.has_value()) name.set_type(challenge::ToProto(*presented.type));
      for (const std::string& agent : presented.agents) name.add_agents(agent);
      for (const std::string& agent : presented.missing) name.add_missing(agent);
      name.set_error(presented.error);
    }
    return response;
  }

  const std::string address_ = "validator.test:1";
  FakeSolver& agents_;
  Worker& worker_;
  std::atomic<int> last_call_ = 0;
  std::map<int, Held> held_;
  std::map<std::string, int64_t> revisions_;
};

class OverFake final : public SolverUnderTest {
 public:
  OverFake() {
    ValidatorSolverOptions options{.validators = {}, .timers = timers_, .clock = clock_};
    options.validators.push_back(std::make_unique<LinkOverFake>(agents_, worker_));
    solver_ = MakeValidatorSolver(std::move(options));
  }
  Solver& solver() override { return *solver_; }
  FakeSolver& agents() override { return agents_; }
  SimulatedClock& clock() override { return clock_; }
  void Settle() override { worker_.Drain(); }

 private:
  SimulatedClock clock_{kStart};
  SimulatedTimers timers_{clock_};
  FakeSolver agents_{clock_};
  Worker worker_;
  std::unique_ptr<Solver> solver_;
};

INSTANTIATE_TEST_SUITE_P(ValidatorSolver, SolverContract,
                         ::testing::Values([] { return std::make_unique<OverFake>(); }));

}  // namespace
}  // namespace norroy::solver
