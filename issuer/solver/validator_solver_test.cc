#include "issuer/solver/validator_solver.h"

#include <gtest/gtest.h>

#include "common/error/error.h"
#include "issuer/solver/validator_solver_fixture.h"

namespace norroy::solver {
namespace {

using challenge::ChallengeType;

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
  // Who may have the same from their database is told, too, and again as the other cannot be.
  EXPECT_EQ(v2().releases(), 2);
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
  EXPECT_EQ(v2().releases(), 3);

  // Who was started meanwhile on a database that they share has it from there: told once.
  v2().SetReleaseStatus(absl::UnavailableError("down"));
  Presentation first = Wish(1);
  first.id = "order2";
  ASSERT_TRUE(solver_->Present(first).ok());
  ASSERT_TRUE(solver_->Release("order2", 1, kStart + absl::Hours(2)).ok());
  worker_.Drain();
  EXPECT_EQ(v1().releases(), sent + 2);
  EXPECT_EQ(v2().releases(), 4);
  timers_.Advance(absl::Hours(1));
  worker_.Drain();
  EXPECT_EQ(v2().releases(), 4);
  v2().SetReleaseStatus(absl::OkStatus());

  // Another process may have shown what came before it to any of them.
  ASSERT_TRUE(solver_->Present(Wish(2)).ok());
  ASSERT_TRUE(solver_->Release("order1", 2, kStart + absl::Hours(2)).ok());
  worker_.Drain();
  EXPECT_EQ(v1().releases(), sent + 3);
  EXPECT_EQ(v2().releases(), 5);
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

// A validator that lets exactly `answered` be answered for.
std::function<absl::StatusOr<validator::v1::PlanResponse>(const validator::v1::PlanRequest&)>
AnswersFor(const std::vector<std::string>& answered) {
  return [answered](const validator::v1::PlanRequest& request) {
    validator::v1::PlanResponse response;
    for (const validator::v1::PlannedName& name : request.names()) {
      validator::v1::NamePlan& planned = *response.add_names();
      *planned.mutable_name() = name;
      for (const std::string& one : answered) {
        if (name.identifier().value() != one) continue;
        validator::v1::TypePlan& type = *planned.add_types();
        type.set_type(types::v1::CHALLENGE_TYPE_HTTP_01);
        type.add_missing("web1");
      }
    }
    return absl::StatusOr<validator::v1::PlanResponse>(response);
  };
}

TEST_F(ValidatorSolverTest, NobodyMayAnswerIfEveryValidatorSaysSo) {
  const std::vector<challenge::Name> names = {NameOf("a.example.com"), NameOf("b.example.com"),
                                              NameOf("c.example.com")};
  v1().SetPlan(AnswersFor({"a.example.com"}));
  EXPECT_TRUE(absl::IsUnavailable(solver_->Unanswerable(names).status()));
  v2().SetPlan(AnswersFor({"b.example.com"}));
  const auto nobody = solver_->Unanswerable(names);
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  EXPECT_EQ(*nobody, std::vector<challenge::Name>{names[2]});
  // One that does not answer might have said something else.
  for (const absl::Status& error :
       {absl::UnavailableError("gone"), absl::PermissionDeniedError("not an issuer"),
        absl::DeadlineExceededError("slow")}) {
    v1().SetPlan([error](const auto&) { return error; });
    EXPECT_TRUE(absl::IsUnavailable(solver_->Unanswerable(names).status())) << error;
  }
  v1().SetPlan([](const auto&) { return validator::v1::PlanResponse(); });
  EXPECT_TRUE(absl::IsUnavailable(solver_->Unanswerable(names).status()));
}

TEST_F(ValidatorSolverTest, PlansWhereSomebodyMayAnswer) {
  const std::vector<challenge::Name> names = {NameOf("a.example.com")};
  v1().SetPlan(AnswersFor({}));
  v2().SetPlan(AnswersFor({"a.example.com"}));
  EXPECT_EQ((*solver_->Plan(names))[0].types.size(), 1u);
}

TEST_F(ValidatorSolverTest, EndsWithCallsOpen) {
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  solver_.reset();
  EXPECT_EQ(changes(), 0);
}

TEST_F(ValidatorSolverTest, ARecheckIsOneMoreCall) {
  ASSERT_TRUE(solver_->Present(Wish(1)).ok());
  Answer(v1(), Response(kReady, 5));
  EXPECT_EQ(solver_->Present(Wish(1))->revision, 5);
  EXPECT_FALSE(solver_->Recheck("order1", 1)->has_value());
  EXPECT_FALSE(solver_->Recheck("order1", 1)->has_value());
  ASSERT_EQ(v1().requests().size(), 2u);
  EXPECT_FALSE(v1().requests()[1].wait());
  Answer(v1(), Response(kPuttingUp, 6));
  EXPECT_EQ(changes(), 2);
  const auto known = solver_->Recheck("order1", 1);
  ASSERT_TRUE(known.ok() && known->has_value()) << known.status();
  EXPECT_EQ((*known)->state, PresentationState::kPuttingUp);
  EXPECT_EQ((*known)->revision, 6);
  // Asked once more, and the validator is gone.
  EXPECT_FALSE(solver_->Recheck("order1", 1)->has_value());
  Answer(v1(), absl::UnavailableError("gone"));
  EXPECT_TRUE(absl::IsUnavailable(solver_->Recheck("order1", 1).status()));
  EXPECT_EQ(ErrorReason(solver_->Recheck("order1", 2).status()), "UNKNOWN_PRESENTATION");
}

}  // namespace
}  // namespace norroy::solver
