#include "issuer/solver/persist_looker.h"

#include <gtest/gtest.h>

#include "issuer/solver/fake_looks.h"
#include "issuer/solver/validator_solver_fixture.h"

namespace norroy::solver {
namespace {

using types::v1::View;

LookPersistResponse Seen(types::v1::Verdict verdict, const std::string& viewpoint) {
  LookPersistResponse response;
  *response.mutable_view() = ViewOf(verdict, "", viewpoint);
  return response;
}

class PersistLookerTest : public ValidatorSolverTest {
 protected:
  void Look() {
    solver_->LookPersist({"example.com", "ca.example; accounturi=https://ca.example/1", true},
                         [this](const std::vector<View>& views) {
                           MutexLock lock(&mutex_);
                           told_.push_back(views);
                         });
  }
  std::vector<std::vector<View>> told() {
    worker_.Drain();
    MutexLock lock(&mutex_);
    return told_;
  }

 private:
  Mutex mutex_;
  std::vector<std::vector<View>> told_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(PersistLookerTest, AllAreAskedAtOnceAndTheLastAnswerTells) {
  Look();
  ASSERT_EQ(v1().persist_requests().size(), 1u);
  ASSERT_EQ(v2().persist_requests().size(), 1u);
  const LookPersistRequest request = v1().persist_requests()[0];
  EXPECT_EQ(request.name(), "example.com");
  EXPECT_EQ(request.value(), "ca.example; accounturi=https://ca.example/1");
  EXPECT_TRUE(request.wildcard());
  v2().AnswerPersist(0, Seen(types::v1::VERDICT_FAIL, ""));
  EXPECT_TRUE(told().empty());
  v1().AnswerPersist(0, Seen(types::v1::VERDICT_PASS, "north"));
  ASSERT_EQ(told().size(), 1u);
  const std::vector<View> views = told()[0];
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0].viewpoint(), "north");
  EXPECT_EQ(views[0].verdict(), types::v1::VERDICT_PASS);
  EXPECT_EQ(views[1].viewpoint(), "v2:1");
  EXPECT_EQ(views[1].verdict(), types::v1::VERDICT_FAIL);
  EXPECT_EQ(changes(), 0);
}

TEST_F(PersistLookerTest, AViewpointThatCannotTellSaysWhy) {
  LookPersistResponse odd = Seen(types::v1::VERDICT_PASS, "v");
  odd.mutable_view()->set_verdict(static_cast<types::v1::Verdict>(42));
  const struct {
    absl::StatusOr<LookPersistResponse> answer;
    std::string says;
  } cases[] = {
      {absl::UnavailableError("connection refused"), "connection refused"},
      {absl::UnimplementedError("unknown service"), "unknown service"},
      {absl::DeadlineExceededError("too slow"), "too slow"},
      {LookPersistResponse(), "without a verdict"},
      {odd, "without a verdict"},
  };
  size_t n = 0;
  for (const auto& row : cases) {
    SCOPED_TRACE(row.says);
    Look();
    v1().AnswerPersist(n, row.answer);
    v2().AnswerPersist(n, Seen(types::v1::VERDICT_PASS, "v2"));
    ASSERT_EQ(told().size(), ++n);
    const View view = told().back()[0];
    EXPECT_EQ(view.verdict(), types::v1::VERDICT_UNKNOWN);
    EXPECT_EQ(view.viewpoint(), "v1:1");
    ASSERT_EQ(view.findings_size(), 1);
    EXPECT_EQ(view.findings(0).code(), "VIEWPOINT_UNREACHABLE");
    EXPECT_NE(view.findings(0).message().find(row.says), std::string::npos);
    EXPECT_EQ(told().back()[1].verdict(), types::v1::VERDICT_PASS);
  }
}

TEST_F(PersistLookerTest, WhatAViewpointSaysIsCapped) {
  LookPersistResponse response = Seen(types::v1::VERDICT_FAIL, std::string(5000, 'v'));
  for (int i = 0; i < 100; ++i) {
    response.mutable_view()->add_findings()->set_message(std::string(100'000, '\x1b'));
  }
  Look();
  v1().AnswerPersist(0, response);
  v2().AnswerPersist(0, response);
  ASSERT_EQ(told().size(), 1u);
  EXPECT_EQ(told()[0][0].findings_size(), 8);
  EXPECT_LE(told()[0][0].viewpoint().size(), 128u);
  EXPECT_LE(told()[0][0].findings(0).message().size(), 512u);
}

TEST_F(PersistLookerTest, TheEndOfTheSolverTellsToo) {
  Look();
  v1().AnswerPersist(0, Seen(types::v1::VERDICT_PASS, "north"));
  solver_.reset();
  ASSERT_EQ(told().size(), 1u);
  EXPECT_EQ(told()[0][0].verdict(), types::v1::VERDICT_PASS);
  EXPECT_EQ(told()[0][1].verdict(), types::v1::VERDICT_UNKNOWN);
}

}  // namespace
}  // namespace norroy::solver
