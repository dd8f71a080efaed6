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
  // It kept one, lost one, and has what nobody knows.
  const auto second = Attach("web1", {{"kept", 1}, {"older", 1}, {"gone", 1}, {"stranger", 7}});
  EXPECT_EQ(Describe(second->TakeSent()),
            "put lost/1:b.example.com:http-01; put new/1:e.example.com:http-01; "
            "put older/2:c.example.com:http-01; down stranger/7; down gone/1");
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
  ASSERT_TRUE(fleet_.store().SetDrained("web2", true).ok());
  ASSERT_TRUE(fleet_.registry().Reload("web2").ok());
  ASSERT_TRUE(fleet_.store().RemoveAgent("web3", clock_.Now()).ok());
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
  ASSERT_TRUE(fleet_.store().SetDrained("web1", true).ok());
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
  ASSERT_TRUE(fleet_.store().RemoveAgent("web1", clock_.Now()).ok());
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

}  // namespace
}  // namespace norroy::validator
