#include "issuer/solver/looker.h"

#include <gtest/gtest.h>

#include "common/error/error.h"
#include "issuer/solver/fake_looks.h"
#include "issuer/solver/validator_solver_fixture.h"

namespace norroy::solver {
namespace {

using challenge::ChallengeType;

LookOrder LookAt(int64_t generation, int64_t round) {
  const auto token = challenge::Token::Parse("token").value();
  LookOrder order;
  order.id = "order1";
  order.generation = generation;
  order.round = round;
  order.proofs = {{NameOf("www.example.com"), ChallengeType::kHttp01, token,
                   challenge::KeyAuthorization::Make(token, std::string(43, 'A')).value()}};
  return order;
}

LookResponse Seen(types::v1::Verdict verdict, const std::string& viewpoint) {
  LookResponse response;
  *response.add_views() = ViewOf(verdict, "", viewpoint);
  return response;
}

TEST_F(ValidatorSolverTest, EveryValidatorIsAViewpoint) {
  const auto first = solver_->Look(LookAt(1, 1));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->has_value());
  EXPECT_FALSE(solver_->Look(LookAt(1, 1))->has_value());
  ASSERT_EQ(v1().look_requests().size(), 1u);
  ASSERT_EQ(v2().look_requests().size(), 1u);
  EXPECT_EQ(v1().look_requests()[0].proofs(0).token(), "token");
  v1().AnswerLook(0, Seen(types::v1::VERDICT_PASS, "north"));
  worker_.Drain();
  EXPECT_EQ(changes(), 0);
  EXPECT_FALSE(solver_->Look(LookAt(1, 1))->has_value());
  v2().AnswerLook(0, Seen(types::v1::VERDICT_FAIL, ""));
  worker_.Drain();
  EXPECT_EQ(changes(), 1);
  const auto seen = solver_->Look(LookAt(1, 1));
  ASSERT_TRUE(seen.ok() && seen->has_value()) << seen.status();
  ASSERT_EQ((*seen)->size(), 2u);
  EXPECT_EQ((**seen)[0].view.viewpoint(), "north");
  EXPECT_EQ((**seen)[1].view.verdict(), types::v1::VERDICT_FAIL);
  EXPECT_EQ((**seen)[1].view.viewpoint(), "v2:1");
}

TEST_F(ValidatorSolverTest, AViewpointThatCannotTellSaysWhy) {
  LookResponse none;
  LookResponse odd = Seen(types::v1::VERDICT_PASS, "v");
  odd.mutable_views(0)->set_verdict(static_cast<types::v1::Verdict>(42));
  const struct {
    absl::StatusOr<LookResponse> answer;
    std::string says;
  } cases[] = {
      {absl::UnavailableError("connection refused"), "connection refused"},
      {absl::UnimplementedError("unknown service"), "unknown service"},
      {absl::DeadlineExceededError("too slow"), "too slow"},
      {none, "another number of views"},
      {odd, "without a verdict"},
      {Seen(types::v1::VERDICT_UNSPECIFIED, "v"), "without a verdict"},
  };
  int64_t round = 0;
  for (const auto& row : cases) {
    SCOPED_TRACE(row.says);
    ASSERT_TRUE(solver_->Look(LookAt(1, ++round)).ok());
    v1().AnswerLook(v1().look_requests().size() - 1, row.answer);
    v2().AnswerLook(v2().look_requests().size() - 1, Seen(types::v1::VERDICT_PASS, "v2"));
    worker_.Drain();
    const auto seen = solver_->Look(LookAt(1, round));
    ASSERT_TRUE(seen.ok() && seen->has_value()) << seen.status();
    ASSERT_EQ((*seen)->size(), 2u);
    const types::v1::View& view = (**seen)[0].view;
    EXPECT_EQ(view.verdict(), types::v1::VERDICT_UNKNOWN);
    EXPECT_EQ(view.viewpoint(), "v1:1");
    ASSERT_EQ(view.findings_size(), 1);
    EXPECT_EQ(view.findings(0).code(), "VIEWPOINT_UNREACHABLE");
    EXPECT_NE(view.findings(0).message().find(row.says), std::string::npos);
    EXPECT_NE(view.findings(0).advice(), "");
  }
}

TEST_F(ValidatorSolverTest, WhatAViewpointSaysIsCapped) {
  LookResponse response = Seen(types::v1::VERDICT_FAIL, std::string(5000, 'v'));
  types::v1::View& view = *response.mutable_views(0);
  for (int i = 0; i < 100; ++i) {
    types::v1::Finding& finding = *view.add_findings();
    finding.set_severity(static_cast<types::v1::Severity>(77));
    finding.set_code("A\nB");
    finding.set_message(std::string(100'000, 'm'));
    finding.set_advice("\x1b[31m");
  }
  view.set_again_after_ms(-5);
  ASSERT_TRUE(solver_->Look(LookAt(1, 1)).ok());
  v1().AnswerLook(0, response);
  v2().AnswerLook(0, response);
  worker_.Drain();
  const auto seen = solver_->Look(LookAt(1, 1));
  ASSERT_TRUE(seen.ok() && seen->has_value()) << seen.status();
  const types::v1::View& kept = (**seen)[0].view;
  EXPECT_EQ(kept.findings_size(), 8);
  EXPECT_LE(kept.viewpoint().size(), 128u);
  EXPECT_EQ(kept.findings(0).severity(), types::v1::SEVERITY_ERROR);
  EXPECT_EQ(kept.findings(0).code(), "A\\x0aB");
  EXPECT_LE(kept.findings(0).message().size(), 512u);
  EXPECT_EQ(kept.findings(0).advice(), "\\x1b[31m");
  EXPECT_EQ(kept.again_after_ms(), 0);
}

TEST_F(ValidatorSolverTest, ALaterLookEndsTheOneBefore) {
  ASSERT_TRUE(solver_->Look(LookAt(1, 1)).ok());
  ASSERT_TRUE(solver_->Look(LookAt(2, 1)).ok());
  worker_.Drain();
  EXPECT_EQ(v1().open_looks(), 1u);
  EXPECT_EQ(v2().open_looks(), 1u);
  EXPECT_EQ(changes(), 0);
  EXPECT_EQ(ErrorReason(solver_->Look(LookAt(1, 9)).status()), "STALE_LOOK");
  ASSERT_TRUE(solver_->Release("order1", 2, kStart + absl::Minutes(15)).ok());
  worker_.Drain();
  EXPECT_EQ(v1().open_looks(), 0u);
  ASSERT_TRUE(solver_->Look(LookAt(1, 1)).ok());
  // Ends with looks open.
  solver_.reset();
  EXPECT_EQ(changes(), 0);
}

}  // namespace
}  // namespace norroy::solver
