// What the issuer sees.

#include "validator/presentation/coordinator.h"

#include <gtest/gtest.h>

#include "common/sql/database.h"
#include "validator/presentation/coordinator_fixture.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;

constexpr char kName[] = "a.example.com";

TEST_F(CoordinatorTest, AllMustAck) {
  EnrollHttp({"web1", "web2"});
  const auto web1 = Attach("web1");
  const auto web2 = Attach("web2");
  const auto request = Request("o1", 1, {kName});
  const auto first = Present(request);
  EXPECT_EQ(Describe(first),
            "PUTTING_UP; a.example.com http-01 PUTTING_UP by [] missing [web1,web2]");
  Answer("web1", *web1);
  const auto second = Present(request);
  EXPECT_EQ(Describe(second),
            "PUTTING_UP; a.example.com http-01 PUTTING_UP by [web1] missing [web2]");
  EXPECT_GT(second->revision(), first->revision());
  EXPECT_EQ(Present(request)->revision(), second->revision());
  Answer("web2", *web2);
  EXPECT_EQ(Describe(Present(request)),
            "READY; a.example.com http-01 READY by [web1,web2] missing []");
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 1);
  EXPECT_EQ(coordinator_->PresentedAt("web3"), 0);
}

TEST_F(CoordinatorTest, AHeldAnswerComesWithTheChange) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  const auto first = Present(request);
  const Held held = PresentAndWait(request, first->revision());
  EXPECT_FALSE(held->has_value());
  Answer("web1", *web1);
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ((*held)->value().state(), v1::PRESENTATION_STATE_READY);
  // Known already: held until the time is over.
  const Held second = PresentAndWait(request, (*held)->value().revision());
  timers_.Advance(kPresentHold - absl::Milliseconds(1));
  EXPECT_FALSE(second->has_value());
  timers_.Advance(absl::Milliseconds(1));
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ((*second)->value().revision(), (*held)->value().revision());
  // Without a known revision there is nothing to wait for.
  EXPECT_TRUE(PresentAndWait(request, 0)->has_value());
}

TEST_F(CoordinatorTest, AMissingAgentFailsTheNameByItsName) {
  EnrollHttp({"web1", "web2"});
  const auto web1 = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  Ask(request);
  Answer("web1", *web1);
  timers_.Advance(kAckTimeout - absl::Milliseconds(1));
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  timers_.Advance(absl::Milliseconds(1));
  const auto failed = Present(request);
  EXPECT_EQ(Describe(failed), "FAILED; a.example.com http-01 FAILED by [web1] missing [web2]");
  EXPECT_NE(failed->names(0).error().find("agent web2 is not attached"), std::string::npos)
      << failed->names(0).error();
  // A late ack counts: what is true now is told.
  const auto web2 = Attach("web2");
  Answer("web2", *web2);
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_READY);
}

TEST_F(CoordinatorTest, ASilentAgentIsNamedToo) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  const Held held = PresentAndWait(request, Present(request)->revision());
  timers_.Advance(kAckTimeout);
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ((*held)->value().names(0).error(), "agent web1 has not answered within 10s");
}

TEST_F(CoordinatorTest, ARefusalFailsAtOnceAndTheNextTypeIsTaken) {
  Enroll("web1", {GrantOf({".example.com"}, {ChallengeType::kTlsAlpn01, ChallengeType::kHttp01})});
  const auto web1 = Attach("web1");
  auto request = Request("o1", 1, {kName, "b.example.com"},
                         {ChallengeType::kHttp01, ChallengeType::kTlsAlpn01});
  Ask(request);
  EXPECT_EQ(Describe(web1->TakeSent()),
            "put o1/1:a.example.com:tls-alpn-01 o1/1:b.example.com:tls-alpn-01");
  agent::v1::PutUpResult result;
  result.set_presentation_id("o1");
  result.set_generation(1);
  result.add_results()->set_served(true);
  result.add_results()->set_reason("OUT_OF_SCOPE");
  result.mutable_results(1)->set_detail("not\nmine");
  coordinator_->OnPutUpResult("web1", result);
  const auto failed = Present(request);
  EXPECT_EQ(Describe(failed),
            "FAILED; a.example.com tls-alpn-01 READY by [web1] missing []; "
            "b.example.com tls-alpn-01 FAILED by [] missing [web1]");
  EXPECT_EQ(failed->names(1).error(),
            "agent web1 refused tls-alpn-01 for b.example.com: OUT_OF_SCOPE: not\\x0amine");
  // The issuer gives the type up for this name.
  v1::FailedType* type = request.add_failed_types();
  *type->mutable_name() = ToPlanned(*challenge::Name::Parse("b.example.com"));
  type->set_type(types::v1::CHALLENGE_TYPE_TLS_ALPN_01);
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  auto sent = web1->TakeSent();
  EXPECT_EQ(Describe(sent), "put o1/1:b.example.com:http-01");
  Answer("web1", sent.at(0));
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_READY);
  // And the last one: nothing is left.
  type = request.add_failed_types();
  *type->mutable_name() = ToPlanned(*challenge::Name::Parse("b.example.com"));
  type->set_type(types::v1::CHALLENGE_TYPE_HTTP_01);
  const auto none = Present(request);
  EXPECT_EQ(Describe(none),
            "FAILED; a.example.com tls-alpn-01 READY by [web1] missing []; "
            "b.example.com - FAILED by [] missing []");
  EXPECT_NE(none->names(1).error().find("every type"), std::string::npos);
}

TEST_F(CoordinatorTest, NobodyMayAnswer) {
  EnrollHttp({"web1"});
  const auto answer = Present(Request("o1", 1, {"www.example.org"}));
  EXPECT_EQ(Describe(answer), "FAILED; www.example.org - FAILED by [] missing []");
  EXPECT_NE(answer->names(0).error().find("--answer www.example.org"), std::string::npos);
}

TEST_F(CoordinatorTest, OneIsEnoughInOrderNextOnFailure) {
  const auto grant = GrantOf({".example.com"}, {ChallengeType::kDns01}, Responders::kOne);
  for (const char* agent : {"dns1", "dns2", "dns3", "dns4"}) Enroll(agent, {grant});
  const auto request = Request("o1", 1, {kName}, {ChallengeType::kDns01});
  // dns1 is not there; dns2 is asked.
  const auto dns2 = Attach("dns2");
  const auto dns3 = Attach("dns3");
  EXPECT_EQ(Describe(Present(request)),
            "PUTTING_UP; a.example.com dns-01 PUTTING_UP by [] missing [dns2]");
  EXPECT_EQ(dns3->TakeSent().size(), 0u);
  // It refuses: dns3 is asked, and says nothing.
  Answer("dns2", *dns2, "PRESENTER_FAILED");
  EXPECT_EQ(Describe(Present(request)),
            "PUTTING_UP; a.example.com dns-01 PUTTING_UP by [] missing [dns3]");
  const auto dns4 = Attach("dns4");
  timers_.Advance(kDnsAckTimeout - absl::Milliseconds(1));
  EXPECT_EQ(Describe(Present(request)),
            "PUTTING_UP; a.example.com dns-01 PUTTING_UP by [] missing [dns3]");
  timers_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Describe(Present(request)),
            "PUTTING_UP; a.example.com dns-01 PUTTING_UP by [] missing [dns4]");
  Answer("dns4", *dns4);
  EXPECT_EQ(Describe(Present(request)), "READY; a.example.com dns-01 READY by [dns4] missing []");
}

TEST_F(CoordinatorTest, OneIsEnoughButThereIsNone) {
  const auto grant = GrantOf({".example.com"}, {ChallengeType::kDns01}, Responders::kOne);
  for (const char* agent : {"dns1", "dns2"}) Enroll(agent, {grant});
  const auto dns1 = Attach("dns1");
  const auto request = Request("o1", 1, {kName}, {ChallengeType::kDns01});
  Ask(request);
  Answer("dns1", *dns1, "PRESENTER_FAILED");
  EXPECT_EQ(Describe(Present(request)),
            "PUTTING_UP; a.example.com dns-01 PUTTING_UP by [] missing [dns2]");
  timers_.Advance(kAckTimeout);
  const auto failed = Present(request);
  EXPECT_EQ(failed->state(), v1::PRESENTATION_STATE_FAILED);
  EXPECT_EQ(failed->names(0).error().find("agent dns1 refused dns-01"), 0u);
  EXPECT_NE(failed->names(0).error().find("agent dns2 is not attached"), std::string::npos);
}

TEST_F(CoordinatorTest, DnsTakesItsTimeButWhoIsNotThereFailsSoon) {
  const auto grant = GrantOf({".example.com"}, {ChallengeType::kDns01}, Responders::kAll);
  for (const char* agent : {"dns1", "dns2"}) Enroll(agent, {grant});
  const auto dns1 = Attach("dns1");
  const auto request = Request("o1", 1, {kName}, {ChallengeType::kDns01});
  Ask(request);
  timers_.Advance(kAckTimeout);
  const auto missing = Present(request);
  EXPECT_EQ(Describe(missing), "FAILED; a.example.com dns-01 FAILED by [] missing [dns1,dns2]");
  EXPECT_EQ(missing->names(0).error().find("agent dns2 is not attached"), 0u)
      << missing->names(0).error();
  // It comes; both may work at it.
  const auto dns2 = Attach("dns2");
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  timers_.Advance(kDnsAckTimeout - kAckTimeout - absl::Milliseconds(1));
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  timers_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Present(request)->names(0).error(), "agent dns1 has not answered within 1m15s");
  // Its process dies, and is back within ten seconds.
  Answer("dns2", *dns2);
  Detach("dns1");
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  timers_.Advance(absl::Seconds(9));
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  const auto back = Attach("dns1");
  timers_.Advance(absl::Seconds(70));
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  Answer("dns1", *back);
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_READY);
}

TEST_F(CoordinatorTest, AClockThatIsWrongIsTold) {
  const struct {
    absl::Duration offset;
    const char* text;
  } cases[] = {
      {absl::Minutes(7), "; its clock is 7 min ahead of this validator's: set it right"},
      {-absl::Hours(2), "; its clock is 120 min behind this validator's: set it right"},
      {absl::Seconds(60), ""},
  };
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  for (const auto& c : cases) {
    AgentReport report;
    report.clock_offset = c.offset;
    fleet_.registry().NoteReport("web1", report);
    const std::string id = absl::StrCat("o", absl::ToInt64Seconds(c.offset) + 10000);
    const auto request = Request(id, 1, {kName});
    Ask(request);
    Answer("web1", *web1, "EXPIRED");
    EXPECT_EQ(Present(request)->names(0).error(),
              absl::StrCat("agent web1 refused http-01 for a.example.com: EXPIRED: ", c.text));
    const std::string silent = absl::StrCat("s", absl::ToInt64Seconds(c.offset) + 10000);
    const auto unanswered = Request(silent, 1, {kName});
    Ask(unanswered);
    timers_.Advance(kAckTimeout);
    EXPECT_EQ(Present(unanswered)->names(0).error(),
              absl::StrCat("agent web1 has not answered within 10s", c.text));
    web1->TakeSent();
  }
}

TEST_F(CoordinatorTest, Generations) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  const auto one = Request("o1", 1, {kName});
  const auto two = Request("o1", 2, {kName});
  const int64_t revision = Present(one)->revision();
  Answer("web1", *web1);
  const Held held = PresentAndWait(one, Present(one)->revision());
  EXPECT_FALSE(held->has_value());
  // A higher one replaces: the agent is asked again, whoever waits for the lower one is told.
  const auto renewed = Present(two);
  EXPECT_EQ(renewed->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  EXPECT_GT(renewed->revision(), revision);
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ(Describe(**held), "STALE_GENERATION");
  EXPECT_EQ(Describe(Present(one)), "STALE_GENERATION");
  EXPECT_EQ(Describe(web1->TakeSent()), "put o1/2:a.example.com:http-01");
  // The same again is a retry: also sealed anew, not with other proofs.
  timers_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Present(Request("o1", 2, {kName})).ok());
  EXPECT_EQ(web1->TakeSent().size(), 0u);
  EXPECT_EQ(Describe(Present(Request("o1", 2, {"b.example.com"}))), "GENERATION_REUSED");
  // A result for what was replaced changes nothing.
  agent::v1::PutUpResult late;
  late.set_presentation_id("o1");
  late.set_generation(1);
  late.add_results()->set_served(true);
  coordinator_->OnPutUpResult("web1", late);
  EXPECT_EQ(Present(two)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
}

TEST_F(CoordinatorTest, ReleaseLeavesATombstone) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  Ask(request);
  Answer("web1", *web1);
  const Held held = PresentAndWait(request, Present(request)->revision());
  ASSERT_TRUE(Release("o1", 1).ok());
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ((*held)->value().state(), v1::PRESENTATION_STATE_RELEASED);
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 1);  // until it says that it took it down
  auto sent = web1->TakeSent();
  EXPECT_EQ(Describe(sent), "down o1/1");
  EXPECT_EQ(FromTimestamp(sent.at(0).take_down().tombstone_until()), kStart + absl::Minutes(30));
  Answer("web1", sent.at(0));
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 0);
  // Late and repeated calls.
  EXPECT_EQ(Describe(Present(request)), "RELEASED");
  EXPECT_TRUE(Release("o1", 1).ok());
  EXPECT_EQ(web1->TakeSent().size(), 0u);
  // A higher generation is a new life; the release of the old one does not end it.
  EXPECT_TRUE(Present(Request("o1", 2, {kName})).ok());
  EXPECT_EQ(Describe(web1->TakeSent()), "put o1/2:a.example.com:http-01");
  EXPECT_TRUE(Release("o1", 1).ok());
  EXPECT_EQ(Present(Request("o1", 2, {kName}))->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  EXPECT_TRUE(Release("o1", 2).ok());
  EXPECT_EQ(Describe(Present(Request("o1", 2, {kName}))), "RELEASED");
}

TEST_F(CoordinatorTest, ReleaseOfTheUnknownCounts) {
  EnrollHttp({"web1"});
  ASSERT_TRUE(Release("o1", 3, absl::Minutes(5)).ok());
  EXPECT_EQ(Describe(Present(Request("o1", 3, {kName}))), "RELEASED");
  EXPECT_TRUE(Present(Request("o1", 4, {kName})).ok());
  // Everything is over anyway: nothing is kept.
  EXPECT_TRUE(Release("o2", 1, -absl::Minutes(1)).ok());
  EXPECT_TRUE(Present(Request("o2", 1, {kName})).ok());
}

TEST_F(CoordinatorTest, ATombstoneStandsAsLongAsTheSeals) {
  EnrollHttp({"web1"});
  Ask(Request("o1", 1, {kName}));  // seals of 15 min
  ASSERT_TRUE(Release("o1", 1, absl::Minutes(1)).ok());
  timers_.Advance(absl::Minutes(14));
  EXPECT_EQ(Describe(Present(Request("o1", 1, {kName}))), "RELEASED");
}

TEST_F(CoordinatorTest, ALeaseEndsByItself) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  Ask(request);
  Answer("web1", *web1);
  timers_.Advance(absl::Minutes(14));
  const Held held = PresentAndWait(request, Present(request)->revision());
  timers_.Advance(absl::Seconds(15));
  EXPECT_FALSE(held->has_value());
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 1);
  timers_.Advance(absl::Seconds(60));
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 0);
  EXPECT_EQ(Describe(Present(request)), "EXPIRED");
  // The agent's lease has ended as well: nothing is sent.
  EXPECT_EQ(web1->TakeSent().size(), 0u);
}

TEST_F(CoordinatorTest, AClockThatIsSetBackDoesNotEndALease) {
  EnrollHttp({"web1"});
  Ask(Request("o1", 1, {kName}));
  clock_.JumpWall(-absl::Minutes(30));
  timers_.Advance(absl::Minutes(20));
  // 25 of 45 minutes are left by the wall clock.
  const auto request = Request("o1", 1, {kName});
  EXPECT_NE(Describe(Present(request)), "EXPIRED");
  EXPECT_TRUE(Release("o1", 1).ok());
}

TEST_F(CoordinatorTest, Plan) {
  EnrollHttp({"web1", "web2"});
  const auto dns =
      GrantOf({".example.com", "*.example.com"}, {ChallengeType::kDns01}, Responders::kOne);
  Enroll("dns1", {dns});
  Enroll("dns2", {dns});
  Attach("web2");
  Attach("dns2");
  v1::PlanRequest request;
  for (const char* name : {kName, "*.example.com", "example.org"}) {
    *request.add_names() = ToPlanned(*challenge::Name::Parse(name));
  }
  const auto plan = coordinator_->Plan(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::string text;
  for (const v1::NamePlan& name : plan->names()) {
    absl::StrAppend(&text, NameOf(name.name())->text(), ":");
    for (const v1::TypePlan& type : name.types()) {
      absl::StrAppend(&text, " ", TypeName(type.type()), " [", absl::StrJoin(type.agents(), ","),
                      "] missing [", absl::StrJoin(type.missing(), ","), "]");
    }
    absl::StrAppend(&text, "\n");
  }
  EXPECT_EQ(text,
            "a.example.com: http-01 [web2] missing [web1] dns-01 [dns2] missing []\n"
            "*.example.com: dns-01 [dns2] missing []\n"
            "example.org:\n");
  EXPECT_EQ(coordinator_->Plan({}).status().code(), absl::StatusCode::kInvalidArgument);
  for (int i = 0; i < 98; ++i) *request.add_names() = request.names(0);
  EXPECT_EQ(coordinator_->Plan(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CoordinatorTest, BadRequestsAreRefused) {
  EnrollHttp({"web1"});
  using Change = std::function<void(v1::PresentRequest&)>;
  const auto sealed = [&](const std::string& id, int64_t generation, absl::Duration left) {
    return SealedFor(id, generation, kName, ChallengeType::kHttp01, clock_.Now() + left);
  };
  const struct {
    const char* what;
    Change change;
    const char* reason;  // "": any
  } cases[] = {
      {"no id", [](auto& r) { r.clear_presentation_id(); }, "BAD_PRESENTATION"},
      {"id form", [](auto& r) { r.set_presentation_id("O1"); }, "BAD_PRESENTATION"},
      {"id too long", [](auto& r) { r.set_presentation_id(std::string(65, 'a')); },
       "BAD_PRESENTATION"},
      {"generation 0", [](auto& r) { r.set_generation(0); }, "BAD_PRESENTATION"},
      {"no proofs", [](auto& r) { r.clear_proofs(); }, "BAD_PRESENTATION"},
      {"101 proofs",
       [](auto& r) {
         while (r.proofs_size() < 101) *r.add_proofs() = r.proofs(0);
       },
       "BAD_PRESENTATION"},
      {"twice", [](auto& r) { *r.add_proofs() = r.proofs(0); }, "BAD_PRESENTATION"},
      {"another id's seal",
       [&](auto& r) { *r.mutable_proofs(0) = sealed("o2", 1, absl::Minutes(15)); },
       "BAD_PRESENTATION"},
      {"another generation's seal",
       [&](auto& r) { *r.mutable_proofs(0) = sealed("o1", 2, absl::Minutes(15)); },
       "BAD_PRESENTATION"},
      {"another deployment's seal",
       [&](auto& r) {
         types::v1::SealBody body;
         body.ParseFromString(r.proofs(0).body());
         body.set_deployment("other");
         r.mutable_proofs(0)->set_body(body.SerializeAsString());
       },
       "BAD_PRESENTATION"},
      {"ended", [&](auto& r) { *r.mutable_proofs(0) = sealed("o1", 1, absl::ZeroDuration()); },
       "EXPIRED"},
      {"too far ahead", [&](auto& r) { *r.mutable_proofs(0) = sealed("o1", 1, absl::Hours(25)); },
       "NOT_YET_VALID"},
      {"no seal", [](auto& r) { r.mutable_proofs(0)->set_body("\xff\xff"); }, ""},
      {"a huge seal", [](auto& r) { r.mutable_proofs(0)->set_certificate(std::string(9000, 'c')); },
       ""},
      {"failed_types of no type", [](auto& r) { r.add_failed_types(); }, ""},
  };
  for (const auto& c : cases) {
    v1::PresentRequest request = Request("o1", 1, {kName});
    c.change(request);
    const auto answer = Present(request);
    ASSERT_FALSE(answer.ok()) << c.what;
    if (*c.reason != '\0') {
      EXPECT_EQ(ErrorReason(answer.status()), c.reason) << c.what << ": " << answer.status();
    }
  }
  EXPECT_EQ(Release("O1", 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Release("o1", 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Release("o1", 1, absl::Hours(25)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Release("o1", 1, absl::Hours(24)).ok());
  EXPECT_TRUE(fleet_.store().LoadPresentations(kStart)->at(0).released);
}

TEST_F(CoordinatorTest, WhatIsNotStoredIsNotWished) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  ASSERT_TRUE(Present(Request("o1", 1, {kName})).ok());
  web1->TakeSent();
  ASSERT_TRUE(fleet_.database()
                  .Write([](sql::Connection& connection) {
                    return connection.Execute("DROP TABLE presentations", {}).status();
                  })
                  .ok());
  EXPECT_FALSE(Present(Request("o1", 2, {kName})).ok());
  EXPECT_FALSE(Present(Request("o2", 1, {kName})).ok());
  EXPECT_FALSE(Release("o1", 1).ok());
  EXPECT_EQ(web1->TakeSent().size(), 0u);
  // What was stored before still stands.
  EXPECT_EQ(Present(Request("o1", 1, {kName}))->state(), v1::PRESENTATION_STATE_PUTTING_UP);
}

TEST_F(CoordinatorTest, TheEndAnswersWhoWaits) {
  EnrollHttp({"web1"});
  const auto request = Request("o1", 1, {kName});
  const Held held = PresentAndWait(request, Present(request)->revision());
  coordinator_.reset();
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ(Describe(**held), "STOPPING");
  // Its timers are still there, and do nothing.
  timers_.Advance(absl::Hours(2));
}

}  // namespace
}  // namespace norroy::validator
