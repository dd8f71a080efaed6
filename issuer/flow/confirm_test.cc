// READY is asked for once more where looks took their time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <utility>

#include "common/error/error.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;
using solver::ViewOf;
using ::testing::IsEmpty;
using types::v1::VERDICT_PASS;
using types::v1::VERDICT_WAIT;

constexpr char kWww[] = "www.example.test";

challenge::Name NameOf(const std::string& text) { return *challenge::Name::Parse(text); }

// As the real one: what was READY stays so under its generation, until Recheck is called, which
// answers the second time.
class RemembersReady final : public solver::Solver {
 public:
  explicit RemembersReady(Clock& clock) : fake(clock) {}

  absl::StatusOr<std::vector<solver::NamePlan>> Plan(
      const std::vector<challenge::Name>& names) override {
    return fake.Plan(names);
  }
  absl::StatusOr<std::vector<challenge::Name>> Unanswerable(
      const std::vector<challenge::Name>& names) override {
    return fake.Unanswerable(names);
  }
  void LookPersist(const solver::PersistLook& look, const PersistDone& done) override {
    fake.LookPersist(look, done);
  }
  absl::StatusOr<solver::PresentationStatus> Present(const solver::Presentation& wish) override {
    const auto it = ready_.find(wish.id);
    if (it != ready_.end() && it->second.first == wish.generation) return it->second.second;
    absl::StatusOr<solver::PresentationStatus> status = fake.Present(wish);
    if (status.ok() && status->state == solver::PresentationState::kReady) {
      ready_[wish.id] = {wish.generation, *status};
    }
    return status;
  }
  absl::StatusOr<std::optional<solver::PresentationStatus>> Recheck(const std::string& id,
                                                                    int64_t generation) override {
    ++rechecks;
    if (!recheck_error.ok()) return std::exchange(recheck_error, absl::OkStatus());
    if (rechecks % 2 == 1) return std::optional<solver::PresentationStatus>();
    return fake.Recheck(id, generation);
  }
  absl::Status Release(const std::string& id, int64_t generation, absl::Time until) override {
    return fake.Release(id, generation, until);
  }
  absl::StatusOr<std::optional<std::vector<solver::NameView>>> Look(
      const solver::LookOrder& order) override {
    return fake.Look(order);
  }
  void OnChange(std::function<void(const std::string& id)> changed) override {
    fake.OnChange(std::move(changed));
  }

  solver::FakeSolver fake;
  int rechecks = 0;
  absl::Status recheck_error;

 private:
  std::map<std::string, std::pair<int64_t, solver::PresentationStatus>> ready_;
};

class Confirming : public testing::Test {
 protected:
  Confirming()
      : f_({}, [this](SimulatedClock& clock) {
          auto made = std::make_unique<RemembersReady>(clock);
          solver_ = made.get();
          return made;
        }) {
    f_.ca().SetValidator([this](const fakes::Attempt& attempt) {
      return solver_->fake.Served(attempt.token) == attempt.key_authorization
                 ? absl::OkStatus()
                 : absl::NotFoundError("not served");
    });
  }

  // The name's proof is to be seen only by the second look, 10 s after the first.
  void SeeItLate(const std::string& name = kWww) {
    solver_->fake.looks().Show(
        NameOf(name), ChallengeType::kHttp01,
        {{ViewOf(VERDICT_WAIT, "NEGATIVE_CACHED", "validator-1", 10'000)}, {ViewOf(VERDICT_PASS)}});
  }
  int told() { return f_.ca().count(fakes::Endpoint::kChallenge); }

  RemembersReady* solver_ = nullptr;
  FlowFixture f_;
};

TEST_F(Confirming, TheFastPathAsksNothing) {
  const Order order = f_.Create({kWww});
  EXPECT_EQ(f_.Settle(order.id).state, State::kWaitingForCsr);
  EXPECT_EQ(solver_->rechecks, 0);
  EXPECT_EQ(solver_->fake.plan_calls(), 1);
}

TEST_F(Confirming, StillReadyAfterALongLook) {
  SeeItLate();
  const Order order = f_.Create({kWww});
  EXPECT_EQ(f_.Settle(order.id).state, State::kWaitingForCsr);
  EXPECT_EQ(solver_->rechecks, 2);
  EXPECT_EQ(solver_->fake.presented().size(), 1u);
  EXPECT_EQ(solver_->fake.looks().asked().size(), 2u);
}

TEST_F(Confirming, AnAgentThatCameBackIsLookedAtAnew) {
  SeeItLate();
  const Order order = f_.Create({kWww});
  f_.RunFor(absl::Seconds(5));
  solver_->fake.Reattach(order.id);
  EXPECT_EQ(f_.Settle(order.id).state, State::kWaitingForCsr);
  EXPECT_EQ(solver_->fake.presented().size(), 2u);
  EXPECT_EQ(solver_->fake.looks().asked().size(), 3u);
  EXPECT_EQ(told(), 1);
}

TEST_F(Confirming, AnAgentThatIsGoneIsWaitedFor) {
  SeeItLate();
  const Order order = f_.Create({kWww});
  f_.RunFor(absl::Seconds(5));
  solver_->fake.SetPlan(NameOf(kWww), {{ChallengeType::kHttp01, {}, {"web1"}}});
  f_.RunFor(absl::Seconds(40));
  const Order waiting = f_.Get(order.id);
  EXPECT_EQ(waiting.state, State::kPresenting);
  EXPECT_EQ(waiting.waiting_for, "agent web1");
  EXPECT_EQ(told(), 0);
  solver_->fake.SetPlan(NameOf(kWww), {{ChallengeType::kHttp01, {"web1"}, {}}});
  EXPECT_EQ(f_.Settle(order.id).state, State::kWaitingForCsr);
  EXPECT_EQ(f_.ca().orders().size(), 1u);
  EXPECT_THAT(f_.ca().violations(), IsEmpty());
}

TEST_F(Confirming, WhatCannotBeConfirmedIsNotTold) {
  const struct {
    std::string name;
    absl::Status error;
    State state;
  } cases[] = {
      {"a.example.test",
       MakeError(absl::StatusCode::kFailedPrecondition, "UNKNOWN_PRESENTATION", "forgotten"),
       State::kWaitingForCsr},
      {"b.example.test", MakeError(absl::StatusCode::kUnavailable, "VALIDATOR_UNREACHABLE", "gone"),
       State::kOrdering},
      // A clock that jumped; it is set right before the deadline.
      {"c.example.test",
       MakeError(absl::StatusCode::kFailedPrecondition, "EXPIRED", "the seal ended"),
       State::kOrdering},
  };
  for (const auto& row : cases) {
    SeeItLate(row.name);
    const int before = told();
    solver_->recheck_error = row.error;
    const Order order = f_.Create({row.name});
    f_.Settle(order.id, absl::Seconds(10) + absl::Milliseconds(600));
    EXPECT_EQ(f_.Get(order.id).state, row.state) << f_.Get(order.id).waiting_for;
    EXPECT_EQ(told() - before, row.state == State::kOrdering ? 0 : 1);
    EXPECT_EQ(f_.Settle(order.id).state, State::kWaitingForCsr);
  }
}

}  // namespace
}  // namespace norroy::flow
