#include "common/rpc/status.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/cord.h"
#include "common/error/error.h"
#include "google/rpc/status.pb.h"
#include "norroy/types/v1/problem.pb.h"

namespace norroy::rpc {
namespace {

types::v1::Problem ProblemWith(int subproblems) {
  types::v1::Problem problem;
  problem.set_type("urn:ietf:params:acme:error:rateLimited");
  problem.set_detail("too many");
  problem.set_status(429);
  for (int i = 0; i < subproblems; ++i) {
    auto* sub = problem.add_subproblems();
    sub->set_type("urn:ietf:params:acme:error:dns");
    sub->set_detail(std::string(100, 'x'));
    sub->mutable_identifier()->set_value("www.example.com");
  }
  return problem;
}

types::v1::Problem ProblemOf(const absl::Status& status) {
  types::v1::Problem problem;
  const auto payload = status.GetPayload(kProblemPayload);
  if (payload.has_value()) problem.ParseFromString(std::string(*payload));
  return problem;
}

TEST(Status, RoundTripsEveryCodeWithReasonMetadataAndProblem) {
  for (int code = 1; code <= 16; ++code) {
    absl::Status status = MakeError(static_cast<absl::StatusCode>(code), "SOME_REASON", "what",
                                    {{"name", "www.example.com"}, {"retry_at", "2026"}});
    status.SetPayload(kProblemPayload, absl::Cord(ProblemWith(2).SerializeAsString()));
    const grpc::Status wire = ToGrpc(status);
    EXPECT_EQ(wire.error_code(), code);
    const absl::Status back = FromGrpc(wire);
    EXPECT_EQ(back.code(), status.code());
    EXPECT_EQ(back.message(), "what");
    EXPECT_EQ(ErrorReason(back), "SOME_REASON");
    EXPECT_EQ(ErrorMetadataOf(back), ErrorMetadataOf(status));
    EXPECT_EQ(ProblemOf(back).SerializeAsString(), ProblemWith(2).SerializeAsString());
  }
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(Status, AnErrorWithoutReasonGetsItsCodeAsReason) {
  EXPECT_EQ(ErrorReason(FromGrpc(ToGrpc(absl::NotFoundError("no")))), "NOT_FOUND");
  EXPECT_EQ(ErrorReason(FromGrpc(ToGrpc(MakeError(absl::StatusCode::kAborted, "not good", "")))),
            "ABORTED");
}

TEST(Status, FitsIntoAPeersMetadata) {
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, "R", std::string(100000, 'm'),
                                  {{"a", std::string(5000, 'a')},
                                   {"b", std::string(5000, 'b')},
                                   {"c", std::string(5000, 'c')},
                                   {"d", std::string(5000, 'd')},
                                   {"e", std::string(5000, 'e')}});
  status.SetPayload(kProblemPayload, absl::Cord(ProblemWith(100).SerializeAsString()));
  const grpc::Status wire = ToGrpc(status);
  EXPECT_LE(wire.error_message().size(), 2048u + 3);
  EXPECT_LE(wire.error_message().size() + wire.error_details().size() * 4 / 3, 8192u - 256);
  const absl::Status back = FromGrpc(wire);
  EXPECT_EQ(ErrorMetadataOf(back).at("a").substr(0, 256), std::string(256, 'a'));
  EXPECT_EQ(ProblemOf(back).detail(), "too many");
  EXPECT_GT(ProblemOf(back).subproblems_size(), 2);
}

TEST(Status, TextIsMadePrintableBothWays) {
  EXPECT_EQ(ToGrpc(absl::InternalError("a\x1b[2J\nb")).error_message(), "a\\x1b[2J\\x0ab");
  EXPECT_EQ(FromGrpc(grpc::Status(grpc::UNKNOWN, "a\r\xff")).message(), "a\\x0d\\xff");
}

TEST(Status, DetailsThatAreNotOursAreDropped) {
  google::rpc::Status details;
  details.add_details()->set_type_url("type.googleapis.com/google.rpc.BadRequest");
  auto* info = details.add_details();
  info->set_type_url(kErrorInfoPayload);
  info->set_value("\xff\xff");
  for (const std::string& bytes :
       {details.SerializeAsString(), std::string("\xff"), std::string(100000, 'x')}) {
    const absl::Status status = FromGrpc(grpc::Status(grpc::ABORTED, "m", bytes));
    EXPECT_EQ(status, absl::AbortedError("m"));
  }
}

}  // namespace
}  // namespace norroy::rpc
