#include "cli/exit_code.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "common/error/error.h"
#include "norroy/types/v1/problem.pb.h"

namespace norroy::cli {
namespace {

TEST(ExitCodeOf, Table) {
  const struct {
    absl::Status status;
    int want;
  } cases[] = {
      {absl::OkStatus(), 0},
      {absl::InternalError("x"), 1},
      {absl::FailedPreconditionError("x"), 1},
      {absl::CancelledError("x"), 1},
      {absl::AlreadyExistsError("x"), 1},
      {absl::UnknownError("x"), 1},
      {absl::InvalidArgumentError("x"), 2},
      {absl::UnavailableError("x"), 3},
      {absl::PermissionDeniedError("x"), 4},
      {absl::UnauthenticatedError("x"), 4},
      {absl::NotFoundError("x"), 5},
      {absl::DeadlineExceededError("x"), 6},
      {absl::ResourceExhaustedError("x"), 7},
  };
  for (const auto& c : cases) EXPECT_EQ(ExitCodeOf(c.status), c.want) << c.status;
}

TEST(Explain, SaysReasonProblemAndWhenToComeBack) {
  absl::Status status = MakeError(absl::StatusCode::kResourceExhausted, "CA_RATE_LIMITED",
                                  "too many\norders\r", {{"retry_at", "2026-03-01T12:00:00Z"}});
  types::v1::Problem problem;
  problem.set_type("urn:ietf:params:acme:error:rateLimited");
  problem.set_detail("slow down\x1b[31m");
  auto* sub = problem.add_subproblems();
  sub->set_type("urn:ietf:params:acme:error:dns");
  sub->set_detail("no A record");
  sub->mutable_identifier()->set_value("a.example.com");
  status.SetPayload(kProblemPayload, absl::Cord(problem.SerializeAsString()));
  EXPECT_EQ(Explain(status),
            "too many\norders\\x0d (CA_RATE_LIMITED)\n"
            "  the CA says: \"slow down\\x1b[31m\" (urn:ietf:params:acme:error:rateLimited)\n"
            "    a.example.com: \"no A record\" (urn:ietf:params:acme:error:dns)\n"
            "  try again at 2026-03-01T12:00:00Z");
}

TEST(ExitWith, IsAnAnswerAndNoFailure) {
  EXPECT_TRUE(ExitWith(0).ok());
  EXPECT_EQ(ExitCodeOf(ExitWith(0)), 0);
  for (const int code : {1, 2, 255}) {
    EXPECT_TRUE(IsAnswer(ExitWith(code)));
    EXPECT_EQ(ExitCodeOf(ExitWith(code)), code);
  }
  EXPECT_FALSE(IsAnswer(absl::UnknownError("exit code 1")));
}

TEST(Explain, NeverEmpty) { EXPECT_EQ(Explain(absl::InternalError("")), "INTERNAL"); }

}  // namespace
}  // namespace norroy::cli
