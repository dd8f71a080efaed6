// What the agents see.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "validator/presentation/coordinator_fixture.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;

constexpr char kName[] = "a.example.com";

TEST_F(CoordinatorTest, AnAgentGetsOnlyWhatConcernsIt) {
  Enroll("web1", {GrantOf({"a.example.com", "c.example.com"}, {ChallengeType::kHttp01})});
  Enroll("web2", {GrantOf({"b.example.com", "c.example.com"}, {ChallengeType::kHttp01})});
  Enroll("web3", {GrantOf({"d.example.com"}, {ChallengeType::kHttp01})});
  const auto web1 = Attach("web1");
  const auto web2 = Attach("web2");
  const auto web3 = Attach("web3");
  Ask(Request("o1", 1, {"a.example.com", "b.example.com", "c.example.com"},
              {ChallengeType::kDns01, ChallengeType::kHttp01}));
  EXPECT_EQ(Describe(web1->TakeSent()),
            "put o1/1:a.example.com:http-01 o1/1:c.example.com:http-01");
  EXPECT_EQ(Describe(web2->TakeSent()),
            "put o1/1:b.example.com:http-01 o1/1:c.example.com:http-01");
  EXPECT_EQ(web3->TakeSent().size(), 0u);
}

TEST_F(CoordinatorTest, MessagesFitTheLink) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("n", i, ".example.com"));
  v1::PresentRequest request = Request("o1", 1, names);
  for (auto& sealed : *request.mutable_proofs()) sealed.set_certificate(std::string(3000, 'c'));
  Ask(request);
  const auto sent = web1->TakeSent();
  EXPECT_GT(sent.size(), 1u);
  int proofs = 0;
  for (const auto& message : sent) {
    EXPECT_LT(message.ByteSizeLong(), 205000u);
    proofs += message.put_up().proofs_size();
  }
  EXPECT_EQ(proofs, 100);
  for (const auto& message : sent) {
    EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
    Answer("web1", message);
  }
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_READY);
}

TEST_F(CoordinatorTest, AttachingBringsBothSidesTogether) {
  EnrollHttp({"web1"});
  const auto first = Attach("web1");
  Ask(Request("kept", 1, {"a.example.com"}));
  Ask(Request("lost", 1, {"b.example.com"}));
  Ask(Request("older", 1, {"c.example.com"}));
  Answer("web1", *first);
  Ask(Request("older", 2, {"c.example.com"}));
  Ask(Request("gone", 1, {"d.example.com"}));
  Answer("web1", *first);
  Detach("web1");
  ASSERT_TRUE(Release("gone", 1).ok());
  Ask(Request("new", 1, {"e.example.com"}));
  // It kept one, lost one, and has what nobody here knows: that is somebody else's, or ends by
  // itself.
  const auto second = Attach("web1", {{"kept", 1}, {"older", 1}, {"gone", 1}, {"stranger", 7}});
  EXPECT_EQ(Describe(second->TakeSent()),
            "put lost/1:b.example.com:http-01; put new/1:e.example.com:http-01; "
            "put older/2:c.example.com:http-01; down gone/1");
  timers_.Advance(absl::Seconds(1));
  EXPECT_EQ(Describe(second->TakeSent()), "");
  EXPECT_EQ(Present(Request("kept", 1, {"a.example.com"}))->state(), v1::PRESENTATION_STATE_READY);
  EXPECT_EQ(Present(Request("lost", 1, {"b.example.com"}))->state(),
            v1::PRESENTATION_STATE_PUTTING_UP);
}

TEST_F(CoordinatorTest, AnAgentThatForgotIsWaitedForAgain) {
  EnrollHttp({"web1"});
  const auto first = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  Ask(request);
  Answer("web1", *first);
  timers_.Advance(absl::Minutes(1));
  Detach("web1");
  // Its responder goes on serving: nothing changes while it is away.
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_READY);
  const auto second = Attach("web1");
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  timers_.Advance(kAckTimeout - absl::Milliseconds(1));
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  Answer("web1", *second);
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_READY);
}

TEST_F(CoordinatorTest, ATakeDownIsSentUntilItIsConfirmed) {
  EnrollHttp({"web1"});
  const auto first = Attach("web1");
  Ask(Request("o1", 1, {kName}));
  Answer("web1", *first);
  ASSERT_TRUE(Release("o1", 1).ok());
  EXPECT_EQ(Describe(first->TakeSent()), "down o1/1");
  Detach("web1");
  const auto second = Attach("web1");
  auto sent = second->TakeSent();
  EXPECT_EQ(Describe(sent), "down o1/1");
  // It could not: the next time it is told again.
  agent::v1::TakeDownResult failed;
  failed.set_presentation_id("o1");
  failed.set_generation(1);
  failed.set_error("EACCES");
  coordinator_->OnTakeDownResult("web1", failed);
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 1);
  const auto third = Attach("web1");
  sent = third->TakeSent();
  EXPECT_EQ(Describe(sent), "down o1/1");
  Answer("web1", sent.at(0));
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 0);
  EXPECT_EQ(Attach("web1")->TakeSent().size(), 0u);
}

TEST_F(CoordinatorTest, TombstonesEndWithTheirTime) {
  EnrollHttp({"web1"});
  const auto first = Attach("web1");
  Ask(Request("o1", 1, {kName}));
  ASSERT_TRUE(Release("o1", 1).ok());
  timers_.Advance(absl::Minutes(31));
  EXPECT_EQ(Attach("web1")->TakeSent().size(), 0u);
}

TEST_F(CoordinatorTest, AnOddAnswerIsARefusal) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  Ask(request);
  agent::v1::PutUpResult result;
  result.set_presentation_id("o1");
  result.set_generation(1);
  coordinator_->OnPutUpResult("web1", result);
  const auto answer = Present(request);
  EXPECT_EQ(answer->state(), v1::PRESENTATION_STATE_FAILED);
  EXPECT_NE(answer->names(0).error().find("0 results for 1 proofs"), std::string::npos);
  // What nobody asked for is ignored.
  result.add_results()->set_served(true);
  coordinator_->OnPutUpResult("web1", result);
  coordinator_->OnPutUpResult("stranger", result);
  result.set_presentation_id("o9");
  coordinator_->OnPutUpResult("web1", result);
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_FAILED);
}

TEST_F(CoordinatorTest, TheFleetChanges) {
  EnrollHttp({"web1", "web2", "web3"});
  const auto web1 = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  Ask(request);
  Answer("web1", *web1);
  EXPECT_EQ(Describe(Present(request)),
            "PUTTING_UP; a.example.com http-01 PUTTING_UP by [web1] missing [web2,web3]");
  // One is drained, one removed: nobody is missing.
  ASSERT_TRUE(fleet_.store()
                  .SetDrained("web2", true, clock_.Now(), TestFleet::AuditOf("agent.drain", "web2"))
                  .ok());
  ASSERT_TRUE(fleet_.registry().Reload("web2").ok());
  ASSERT_TRUE(fleet_.store()
                  .RemoveAgent("web3", clock_.Now(), TestFleet::AuditOf("agent.remove", "web3"))
                  .ok());
  ASSERT_TRUE(fleet_.registry().Reload("web3").ok());
  const Held held = PresentAndWait(request, Present(request)->revision());
  coordinator_->FleetChanged();
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ(Describe(**held), "READY; a.example.com http-01 READY by [web1] missing []");
  // A new one is asked as well, and has its time.
  timers_.Advance(absl::Minutes(1));
  EnrollHttp({"web4"});
  EXPECT_EQ(Describe(Present(request)),
            "PUTTING_UP; a.example.com http-01 PUTTING_UP by [web1] missing [web4]");
  const auto web4 = Attach("web4");
  Answer("web4", *web4);
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_READY);
}

TEST_F(CoordinatorTest, ADrainedAgentIsStillToldToTakeDown) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  Ask(Request("o1", 1, {kName}));
  Answer("web1", *web1);
  ASSERT_TRUE(fleet_.store()
                  .SetDrained("web1", true, clock_.Now(), TestFleet::AuditOf("agent.drain", "web1"))
                  .ok());
  ASSERT_TRUE(fleet_.registry().Reload("web1").ok());
  coordinator_->FleetChanged();
  ASSERT_TRUE(Release("o1", 1).ok());
  EXPECT_EQ(Describe(web1->TakeSent()), "down o1/1");
}

TEST_F(CoordinatorTest, ARemovedAgentIsNotWaitedForWithTakeDowns) {
  EnrollHttp({"web1"});
  Attach("web1");
  Ask(Request("o1", 1, {kName}));
  ASSERT_TRUE(Release("o1", 1).ok());
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 1);
  ASSERT_TRUE(fleet_.store()
                  .RemoveAgent("web1", clock_.Now(), TestFleet::AuditOf("agent.remove", "web1"))
                  .ok());
  ASSERT_TRUE(fleet_.registry().Reload("web1").ok());
  coordinator_->FleetChanged();
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 0);
}

TEST_F(CoordinatorTest, AfterARestartEverythingIsAskedAgain) {
  EnrollHttp({"web1"});
  const auto before = Attach("web1");
  auto request = Request("o1", 1, {kName}, {ChallengeType::kHttp01, ChallengeType::kDns01});
  const int64_t revision = Present(request)->revision();
  Answer("web1", *before);
  Ask(Request("o2", 4, {"b.example.com"}));
  Answer("web1", *before);
  ASSERT_TRUE(Release("o2", 4).ok());
  timers_.Advance(absl::Seconds(1));
  Restart();
  // A poller with its revision of before is not held.
  const auto answer = PresentAndWait(request, revision);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->value().state(), v1::PRESENTATION_STATE_PUTTING_UP);
  EXPECT_EQ(Describe(Present(Request("o2", 4, {"b.example.com"}))), "RELEASED");
  const auto after = Attach("web1", {{"o1", 1}, {"o2", 4}});
  auto sent = after->TakeSent();
  EXPECT_EQ(Describe(sent), "put o1/1:a.example.com:http-01; down o2/4");
  for (const auto& message : sent) Answer("web1", message);
  EXPECT_EQ(Present(request)->state(), v1::PRESENTATION_STATE_READY);
  ASSERT_TRUE(Release("o1", 1).ok());
  EXPECT_EQ(Describe(after->TakeSent()), "down o1/1");
}

TEST_F(CoordinatorTest, ALeaseThatEndedWhileWeWereDownIsNotTakenUp) {
  EnrollHttp({"web1"});
  Ask(Request("o1", 1, {kName}));
  clock_.Advance(absl::Minutes(16));
  Restart();
  EXPECT_EQ(Attach("web1")->TakeSent().size(), 0u);
}

TEST_F(CoordinatorTest, AnAgentMayAnswerFromWithinSend) {
  EnrollHttp({"web1"});
  const auto web1 = Attach("web1");
  web1->on_send = [&](const auto& message) { Answer("web1", message); };
  EXPECT_TRUE(Present(Request("o1", 1, {kName})).ok());
  EXPECT_EQ(Present(Request("o1", 1, {kName}))->state(), v1::PRESENTATION_STATE_READY);
  EXPECT_TRUE(Release("o1", 1).ok());
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 0);
}

// Presents, acks, releases, attachments and changes of the fleet from many threads; at the end
// nothing is up.
TEST_F(CoordinatorTest, ManyThreadsAtOnce) {
  EnrollHttp({"web1", "web2"});
  for (const char* agent : {"web1", "web2"}) {
    Attach(agent)->on_send = [this, agent](const auto& message) { Answer(agent, message); };
  }
  std::atomic<bool> done = false;
  std::thread fleet([&] {
    while (!done) {
      coordinator_->FleetChanged();
      coordinator_->PresentedAt("web1");
      timers_.Advance(absl::Milliseconds(1));
    }
  });
  std::vector<std::thread> issuers;
  for (int i = 0; i < 4; ++i) {
    issuers.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        // Two threads share each id: one of them may come too late.
        const std::string id = absl::StrCat("o", i / 2, "-", j);
        Present(Request(id, 1, {kName, "b.example.com"})).IgnoreError();
        PresentAndWait(Request(id, 2, {kName}), 1);
        EXPECT_TRUE(Release(id, 2).ok());
      }
    });
  }
  for (std::thread& issuer : issuers) issuer.join();
  done = true;
  fleet.join();
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 0);
  EXPECT_EQ(coordinator_->PresentedAt("web2"), 0);
}

// What a change of grants does to what is up.
class GrantChange : public CoordinatorTest {
 protected:
  void SetGrants(const std::string& agent, const std::vector<ChallengeGrant>& grants) {
    ASSERT_TRUE(fleet_.store()
                    .SetGrants(agent, grants, 0, clock_.Now(),
                               TestFleet::AuditOf("agent.set_grants", agent))
                    .ok());
    ASSERT_TRUE(fleet_.registry().Reload(agent).ok());
    coordinator_->FleetChanged();
  }
  static ChallengeGrant HttpFor(const std::vector<std::string>& patterns) {
    return GrantOf(patterns, {ChallengeType::kHttp01});
  }
};

TEST_F(GrantChange, WhatAnAgentMayNotAnswerForIsTakenDownFromIt) {
  EnrollHttp({"web1", "web2"});
  const auto web1 = Attach("web1");
  const auto web2 = Attach("web2");
  Ask(Request("o1", 1, {"a.example.com", "b.example.com"}));
  Answer("web1", *web1);
  Answer("web2", *web2);
  ASSERT_EQ(Present(Request("o1", 1, {"a.example.com", "b.example.com"}))->state(),
            v1::PRESENTATION_STATE_READY);

  SetGrants("web2", {HttpFor({".elsewhere.test"})});
  EXPECT_EQ(Describe(web2->TakeSent()), "down o1/1");
  EXPECT_EQ(Describe(web1->TakeSent()), "");
  EXPECT_EQ(Describe(Present(Request("o1", 1, {"a.example.com", "b.example.com"}))),
            "READY; a.example.com http-01 READY by [web1] missing []; b.example.com http-01 READY "
            "by [web1] missing []");
  EXPECT_EQ(coordinator_->PresentedAt("web2"), 0);
}

TEST_F(GrantChange, APartOfWhatIsUpEndsAllOfThatGeneration) {
  EnrollHttp({"web1"});
  const auto link = Attach("web1");
  const std::vector<std::string> names = {"a.example.com", "b.example.com"};
  Ask(Request("o1", 1, names));
  Answer("web1", *link);
  SetGrants("web1", {HttpFor({"a.example.com"})});
  EXPECT_EQ(Describe(link->TakeSent()), "down o1/1");
  const auto after = Present(Request("o1", 1, names));
  EXPECT_EQ(after->state(), v1::PRESENTATION_STATE_FAILED);
  EXPECT_EQ(after->names(0).error_reason(), "GRANT_CHANGED");
  EXPECT_EQ(after->names(1).error_reason(), "NO_GRANT");
  // The next generation brings back what it may still answer for.
  Ask(Request("o1", 2, names));
  EXPECT_EQ(Describe(link->TakeSent()), "put o1/2:a.example.com:http-01");
}

// Its answer to the PutUp was under way when it was told to take it down.
TEST_F(GrantChange, ALateAckDoesNotCount) {
  EnrollHttp({"web1"});
  const auto link = Attach("web1");
  Ask(Request("o1", 1, {"a.example.com", "b.example.com"}));
  const auto sent = link->TakeSent();
  SetGrants("web1", {HttpFor({"a.example.com"})});
  SetGrants("web1", {HttpFor({".example.com"})});
  for (const auto& message : sent) Answer("web1", message);
  EXPECT_EQ(Present(Request("o1", 1, {"a.example.com", "b.example.com"}))->state(),
            v1::PRESENTATION_STATE_FAILED);
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 0);
}

TEST_F(GrantChange, OneThatWasAwayIsToldWhenItIsBack) {
  EnrollHttp({"web1", "web2"});
  auto link = Attach("web1");
  Ask(Request("o1", 1, {"a.example.com"}));
  Answer("web1", *link);
  Detach("web1");
  SetGrants("web1", {HttpFor({".elsewhere.test"})});
  link = Attach("web1", {{"o1", 1}});
  EXPECT_EQ(Describe(link->TakeSent()), "down o1/1");
  // Also if we were started since, and know of no ack.
  Restart();
  link = Attach("web1", {{"o1", 1}});
  EXPECT_EQ(Describe(link->TakeSent()), "down o1/1");
}

TEST_F(GrantChange, WiderGrantsAndDrainingTakeNothingDown) {
  EnrollHttp({"web1"});
  const auto link = Attach("web1");
  Ask(Request("o1", 1, {"a.example.com"}));
  Answer("web1", *link);
  SetGrants("web1", {HttpFor({"a.example.com"}), HttpFor({".example.org"})});
  EXPECT_EQ(Describe(link->TakeSent()), "");
  ASSERT_TRUE(fleet_.store()
                  .SetDrained("web1", true, clock_.Now(), TestFleet::AuditOf("agent.drain", "web1"))
                  .ok());
  ASSERT_TRUE(fleet_.registry().Reload("web1").ok());
  coordinator_->FleetChanged();
  EXPECT_EQ(Describe(link->TakeSent()), "");
}

TEST_F(GrantChange, ABannedAgentIsNotCountedOn) {
  EnrollHttp({"web1", "web2"});
  const auto web1 = Attach("web1");
  const auto web2 = Attach("web2");
  Ask(Request("o1", 1, {"a.example.com"}));
  Answer("web1", *web1);
  Answer("web2", *web2);
  ASSERT_TRUE(fleet_.store()
                  .BanName({"web2", "stolen", "operator/a", clock_.Now()},
                           TestFleet::AuditOf("agent.ban", "web2"))
                  .ok());
  ASSERT_TRUE(fleet_.registry().Reload("web2").ok());
  coordinator_->FleetChanged();
  EXPECT_TRUE(web2->closed());
  EXPECT_EQ(ErrorReason(web2->why_closed()), "AGENT_BANNED");
  EXPECT_EQ(Describe(Present(Request("o1", 1, {"a.example.com"}))),
            "READY; a.example.com http-01 READY by [web1] missing []");
}

// Whatever an agent says of itself: routing goes by its grants.
TEST_F(GrantChange, AnAgentGetsNothingOfAnothersNames) {
  Enroll("web1", {HttpFor({".example.com"})});
  Enroll("thief", {HttpFor({".example.org"})});
  AgentReport claims;
  claims.types = {ChallengeType::kHttp01};
  claims.scope = {".example.com", "."};
  fleet_.registry().NoteReport("thief", claims);
  const auto web1 = Attach("web1");
  const auto thief = Attach("thief");
  for (int i = 0; i < 1000; ++i) {
    const std::string id = absl::StrCat("o", i);
    Ask(Request(id, 1, {"a.example.com"}));
    agent::v1::PutUpResult ack;
    ack.set_presentation_id(id);
    ack.set_generation(1);
    ack.add_results()->set_served(true);
    coordinator_->OnPutUpResult("thief", ack);
    ASSERT_EQ(Present(Request(id, 1, {"a.example.com"}))->state(),
              v1::PRESENTATION_STATE_PUTTING_UP);
  }
  EXPECT_EQ(Describe(thief->TakeSent()), "");
  EXPECT_EQ(web1->TakeSent().size(), 1000u);
  // Nor by saying that it has it up already.
  Detach("thief");
  const auto again = Attach("thief", {{"o1", 1}});
  EXPECT_EQ(Describe(again->TakeSent()), "down o1/1");
  EXPECT_EQ(Present(Request("o1", 1, {"a.example.com"}))->state(),
            v1::PRESENTATION_STATE_PUTTING_UP);
}

}  // namespace
}  // namespace norroy::validator
