#include "issuer/acme/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/acme/hostile_json.h"

namespace norroy::acme {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'772'366'400);  // 2026-03-01 12:00:00

http::Response Reply(int status, const std::string& body, const std::string& retry_after = "") {
  http::Response reply;
  reply.status = status;
  reply.body = body;
  if (!retry_after.empty()) reply.headers.emplace_back("Retry-After", retry_after);
  return reply;
}

std::string Body(const std::string& type) {
  return absl::StrCat(R"({"type":"urn:ietf:params:acme:error:)", type, R"(","detail":"no"})");
}

struct VerdictCase {
  int status;
  std::string type;
  absl::StatusCode code;
  std::string reason;
};

TEST(ToStatus, TellsTheKindsOfRefusalApart) {
  const auto exhausted = absl::StatusCode::kResourceExhausted;
  const auto unavailable = absl::StatusCode::kUnavailable;
  const auto denied = absl::StatusCode::kPermissionDenied;
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const auto refused = absl::StatusCode::kFailedPrecondition;
  const std::vector<VerdictCase> cases = {
      {429, "rateLimited", exhausted, "CA_RATE_LIMITED"},
      {403, "rateLimited", exhausted, "CA_RATE_LIMITED"},
      {503, "rateLimited", exhausted, "CA_RATE_LIMITED"},
      {429, "malformed", exhausted, "CA_RATE_LIMITED"},
      {500, "serverInternal", unavailable, "CA_UNAVAILABLE"},
      {400, "serverInternal", unavailable, "CA_UNAVAILABLE"},
      {502, "malformed", unavailable, "CA_UNAVAILABLE"},
      {599, "unheardOf", unavailable, "CA_UNAVAILABLE"},
      {400, "accountDoesNotExist", denied, "ACCOUNT_REFUSED"},
      {401, "unauthorized", denied, "ACCOUNT_REFUSED"},
      {403, "unauthorized", denied, "CA_REFUSED"},
      {403, "userActionRequired", refused, "USER_ACTION_REQUIRED"},
      {400, "rejectedIdentifier", invalid, "CA_REFUSED"},
      {400, "unsupportedIdentifier", invalid, "CA_REFUSED"},
      {400, "malformed", invalid, "CA_REFUSED"},
      {400, "badCSR", invalid, "CA_REFUSED"},
      {400, "badPublicKey", invalid, "CA_REFUSED"},
      {400, "badSignatureAlgorithm", invalid, "CA_REFUSED"},
      {400, "badRevocationReason", invalid, "CA_REFUSED"},
      {400, "invalidContact", invalid, "CA_REFUSED"},
      {400, "unsupportedContact", invalid, "CA_REFUSED"},
      {400, "invalidProfile", invalid, "CA_REFUSED"},
      {403, "orderNotReady", refused, "CA_REFUSED"},
      {403, "caa", refused, "CA_REFUSED"},
      {400, "alreadyRevoked", refused, "CA_REFUSED"},
      {403, "externalAccountRequired", refused, "CA_REFUSED"},
      {409, "alreadyReplaced", refused, "CA_REFUSED"},
      {418, "unheardOf", refused, "CA_REFUSED"},
  };
  for (const VerdictCase& c : cases) {
    const absl::Status status = ToStatus(ProblemOfReply(Reply(c.status, Body(c.type)), kNow));
    EXPECT_EQ(status.code(), c.code) << c.type;
    EXPECT_EQ(ErrorReason(status), c.reason) << c.type;
    EXPECT_EQ(ErrorMetadataOf(status)["acme_type"], c.type);
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.type));
  }
}

struct HumanCase {
  std::string name;
  int status;
  std::string problem;
  std::string retry_after;
  std::string reason;
  std::string visit;
};

// What only a human can lift is told apart from what time heals.
TEST(ToStatus, KnowsWhatWaitsForAHuman) {
  const std::string limited = R"({"type":"urn:ietf:params:acme:error:rateLimited","detail":")";
  const std::string denied = R"({"type":"urn:ietf:params:acme:error:unauthorized","detail":")";
  const std::string action = R"({"type":"urn:ietf:params:acme:error:userActionRequired")";
  const std::vector<HumanCase> cases = {
      {"paused", 429,
       limited + R"(Your account is temporarily prevented from requesting certificates for a.test )"
                 R"(and possibly others. Please visit: https://ca.test/sfe/v1/unpause?jwt=a.b.c"})",
       "", "CA_PAUSED", "https://ca.test/sfe/v1/unpause?jwt=a.b.c"},
      {"paused, with a time", 429, limited + R"(visit https://ca.test/unpause"})", "60",
       "CA_RATE_LIMITED", ""},
      {"a limit that is explained", 429, limited + R"(see https://ca.test/docs/rate-limits"})", "",
       "CA_RATE_LIMITED", ""},
      {"paused in words only", 429, limited + R"(unpause it"})", "", "CA_RATE_LIMITED", ""},
      {"Boulder's deactivated account", 403,
       denied + R"(Account is not valid, has status \"deactivated\""})", "", "ACCOUNT_REFUSED", ""},
      {"an authorization that is over", 403, denied + R"(authorization was deactivated"})", "",
       "CA_REFUSED", ""},
      {"terms", 403, action + R"(,"detail":"new terms","instance":"https://ca.test/agree"})", "",
       "USER_ACTION_REQUIRED", "https://ca.test/agree"},
      {"terms without an address", 403, action + "}", "", "USER_ACTION_REQUIRED", ""},
  };
  for (const HumanCase& c : cases) {
    const absl::Status status =
        ToStatus(ProblemOfReply(Reply(c.status, c.problem, c.retry_after), kNow));
    EXPECT_EQ(ErrorReason(status), c.reason) << c.name << status;
    EXPECT_EQ(ErrorMetadataOf(status)["visit"], c.visit) << c.name;
    EXPECT_EQ(absl::StrContains(status.message(), "norroy order retry"),
              c.reason != "CA_RATE_LIMITED" && c.reason != "CA_REFUSED")
        << c.name << status;
  }
}

TEST(ToStatus, CarriesTheProblemBothWays) {
  const std::string body = R"({"type":"urn:ietf:params:acme:error:rateLimited",
      "detail":"too many certificates","status":999,"subproblems":[
      {"type":"urn:ietf:params:acme:error:dns","detail":"SERVFAIL",
       "identifier":{"type":"dns","value":"www.example.com"}},
      {"type":"x","identifier":{"type":"ip","value":"192.0.2.1"}},
      {"detail":"no identifier"}, {"identifier":"odd"}]})";
  const Problem problem = ProblemOfReply(Reply(429, body, "3600"), kNow);
  EXPECT_EQ(problem.acme_type(), "rateLimited");
  EXPECT_EQ(problem.status, 429);
  EXPECT_EQ(problem.retry_after, kNow + absl::Hours(1));
  ASSERT_THAT(problem.subproblems, SizeIs(4));
  EXPECT_EQ(problem.ToString(),
            "rateLimited: too many certificates (www.example.com: SERVFAIL; 192.0.2.1: x; no "
            "identifier; )");

  const absl::Status status = WithContext(ToStatus(problem), "newOrder");
  EXPECT_EQ(ErrorMetadataOf(status)["retry_at"], "2026-03-01T13:00:00+00:00");
  const std::optional<Problem> again = ProblemOf(status);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->ToString(), problem.ToString());
  EXPECT_EQ(again->type, problem.type);
  EXPECT_EQ(again->status, 429);
  EXPECT_EQ(again->retry_after, problem.retry_after);
  EXPECT_EQ(again->subproblems[1].identifier_type, "ip");
  EXPECT_EQ(ProblemOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(ProblemOf(absl::InternalError("x")), std::nullopt);
}

TEST(Problem, NobodyIsToldToComeBackEarly) {
  const absl::Time time = absl::FromUnixSeconds(1'772'370'000);
  EXPECT_EQ(RetryAtText(time), "2026-03-01T13:00:00+00:00");
  EXPECT_EQ(RetryAtText(time + absl::Nanoseconds(1)), "2026-03-01T13:00:01+00:00");
  EXPECT_EQ(RetryAtText(time + absl::Milliseconds(999)), "2026-03-01T13:00:01+00:00");
}

struct PageCase {
  std::string body;
  std::string type;
  std::string detail;
};

TEST(ProblemOfReply, IsTotal) {
  const std::vector<PageCase> cases = {
      {"", "about:blank", ""},
      {"<html>log in</html>", "about:blank", "<html>log in</html>"},
      {"\x1b[2J\xFF", "about:blank", "\\x1b[2J\\xff"},
      {"{}", "about:blank", ""},
      {R"({"type":5,"detail":[]})", "about:blank", ""},
      {R"({"title":"a title"})", "about:blank", "a title"},
      {R"({"type":"https://elsewhere/x","detail":"d"})", "https://elsewhere/x", "d"},
      {R"({"type":"x","subproblems":"none"})", "x", ""},
      {R"({"type":"x","subproblems":[1]})", "x", ""},
      {R"({"type":"a","type":"b"})", "about:blank", R"({"type":"a","type":"b"})"},
  };
  for (const PageCase& c : cases) {
    const Problem problem = ProblemOfReply(Reply(404, c.body), kNow);
    EXPECT_EQ(problem.type, c.type) << c.body;
    EXPECT_EQ(problem.detail, c.detail) << c.body;
    EXPECT_EQ(problem.status, 404);
    EXPECT_EQ(problem.acme_type(), "");
    EXPECT_THAT(problem.subproblems, SizeIs(0));
  }
  for (const HostileJson& c : HostileJsonTable()) {
    const Problem problem = ProblemOfReply(Reply(500, c.text), kNow);
    EXPECT_EQ(problem.type, "about:blank") << c.name;
    EXPECT_LE(problem.detail.size(), 515u) << c.name;
    EXPECT_EQ(Printable(problem.detail, 4096), problem.detail) << c.name;
    EXPECT_EQ(ToStatus(problem).code(), absl::StatusCode::kUnavailable);
  }
}

TEST(ProblemOfReply, IsCapped) {
  std::string body =
      absl::StrCat(R"({"type":"x","detail":")", std::string(5000, 'd'), R"(","subproblems":[)");
  for (int i = 0; i < 150; ++i) absl::StrAppend(&body, i == 0 ? "" : ",", R"({"detail":"s"})");
  const Problem problem = ProblemOfReply(Reply(400, body + "]}"), kNow);
  EXPECT_LE(problem.detail.size(), 1024u + 3);
  EXPECT_THAT(problem.subproblems, SizeIs(100));
  EXPECT_THAT(problem.ToString(), HasSubstr("and 95 more"));
}

TEST(ProblemOfReply, IgnoresNonsenseInRetryAfter) {
  for (const char* const value : {"-5", "soon", "1e9"}) {
    EXPECT_EQ(ProblemOfReply(Reply(429, "", value), kNow).retry_after, std::nullopt);
  }
  EXPECT_EQ(ProblemOfReply(Reply(503, "", "315360000"), kNow).retry_after, kNow + absl::Hours(24));
  EXPECT_EQ(ProblemOfReply(Reply(503, "", "Sun, 01 Mar 2026 12:10:00 GMT"), kNow).retry_after,
            kNow + absl::Minutes(10));
}

}  // namespace
}  // namespace norroy::acme
