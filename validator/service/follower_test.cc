// Two validators on one store, and agents that are attached to both.

#include "validator/service/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "validator/presentation/coordinator_fixture.h"

namespace norroy::validator {
namespace {

constexpr char kName[] = "a.example.com";

// The fixture's is the first validator.
class SeveralTest : public CoordinatorTest {
 protected:
  SeveralTest() { StartSecond(); }

  void StartSecond() {
    follower_.reset();
    second_.reset();
    const int64_t version = fleet_.store().ChangesSince(0)->version;
    registry_ = *Registry::Load(fleet_.store());
    second_ = *Coordinator::Start({fleet_.store(), *registry_, clock_, timers_, "test"});
    follower_.emplace(fleet_.store(), *registry_, *second_, clock_, version);
  }

  std::shared_ptr<FakeLink> AttachToSecond(const std::string& agent,
                                           const std::map<std::string, int64_t>& presented = {}) {
    auto link = std::make_shared<FakeLink>();
    registry_->Attach(agent, link);
    agent::v1::AgentHello hello;
    for (const auto& [id, generation] : presented) {
      agent::v1::Presented* const one = hello.add_presented();
      one->set_presentation_id(id);
      one->set_generation(generation);
    }
    second_->AgentAttached(agent, hello);
    return link;
  }

  absl::StatusOr<v1::PresentResponse> PresentAtSecond(const v1::PresentRequest& request) {
    absl::StatusOr<v1::PresentResponse> answer = absl::UnknownError("no answer");
    second_->Present(request, [&](auto result) { answer = std::move(result); });
    return answer;
  }

  absl::Status ReleaseAtSecond(const std::string& id, int64_t generation) {
    v1::ReleaseRequest request;
    request.set_presentation_id(id);
    request.set_generation(generation);
    *request.mutable_tombstone_until() = ToTimestamp(clock_.Now() + absl::Minutes(30));
    return second_->Release(request);
  }

  identity::Identity IdentityOf(const std::string& agent) {
    identity::Identity identity;
    identity.role = types::v1::ROLE_AGENT;
    identity.name = agent;
    identity.enrollment_id = TestFleet::EnrollmentId(agent);
    return identity;
  }

  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Coordinator> second_;
  std::optional<Follower> follower_;
};

TEST_F(SeveralTest, AnEnrollmentElsewhereCounts) {
  Enroll("web1", {GrantOf({".example.com"}, {challenge::ChallengeType::kHttp01})});
  EXPECT_EQ(ErrorReason(registry_->Admit(IdentityOf("web1"))), "AGENT_REMOVED");
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_TRUE(registry_->Admit(IdentityOf("web1")).ok());
  const auto link = AttachToSecond("web1");
  EXPECT_TRUE(PresentAtSecond(Request("o1", 1, {kName})).ok());
  EXPECT_EQ(Describe(link->TakeSent()), "put o1/1:a.example.com:http-01");
}

TEST_F(SeveralTest, ABanElsewhereEndsTheStreamAndItsLiftingIsSeen) {
  EnrollHttp({"web1", "web2"});
  ASSERT_TRUE(follower_->Look().ok());
  const auto link = AttachToSecond("web1");
  const auto other = AttachToSecond("web2");
  ASSERT_TRUE(fleet_.store()
                  .BanName({"web1", "stolen", "operator/test", clock_.Now()},
                           TestFleet::AuditOf("agent.ban", "web1"))
                  .ok());
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_EQ(ErrorReason(registry_->Admit(IdentityOf("web1"))), "AGENT_BANNED");
  EXPECT_TRUE(link->closed());
  EXPECT_FALSE(other->closed());
  ASSERT_TRUE(
      fleet_.store().LiftBan("web1", clock_.Now(), TestFleet::AuditOf("agent.unban", "web1")).ok());
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_TRUE(registry_->Admit(IdentityOf("web1")).ok());
}

TEST_F(SeveralTest, GrantsAndDrainsElsewhereCount) {
  EnrollHttp({"web1"});
  ASSERT_TRUE(follower_->Look().ok());
  const challenge::Name name = *challenge::Name::Parse(kName);
  EXPECT_EQ(registry_->CandidatesFor(name).size(), 1u);
  ASSERT_TRUE(fleet_.store()
                  .SetDrained("web1", true, clock_.Now(), TestFleet::AuditOf("agent.drain", "web1"))
                  .ok());
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_EQ(registry_->CandidatesFor(name).size(), 0u);
  ASSERT_TRUE(fleet_.store()
                  .SetGrants("web1",
                             {GrantOf({"b.example.com"}, {challenge::ChallengeType::kHttp01})}, 0,
                             clock_.Now(), TestFleet::AuditOf("agent.set_grants", "web1"))
                  .ok());
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_FALSE(registry_->MayAnswer("web1", name, challenge::ChallengeType::kHttp01));
  ASSERT_TRUE(fleet_.store()
                  .RemoveAgent("web1", clock_.Now(), TestFleet::AuditOf("agent.remove", "web1"))
                  .ok());
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_EQ(ErrorReason(registry_->Admit(IdentityOf("web1"))), "AGENT_REMOVED");
}

// The issuer asks the other one, and what the first one stored counts there.
TEST_F(SeveralTest, ThePresentationGoesOnAtTheOther) {
  EnrollHttp({"web1"});
  ASSERT_TRUE(follower_->Look().ok());
  const auto first = Attach("web1");
  const auto request = Request("o1", 1, {kName});
  Ask(request);
  Answer("web1", *first);
  const auto link = AttachToSecond("web1", {{"o1", 1}});
  ASSERT_TRUE(PresentAtSecond(request).ok());
  EXPECT_EQ(Describe(link->TakeSent()), "put o1/1:a.example.com:http-01");
  // What was renewed or released at one comes too late at the other.
  Ask(Request("o1", 2, {kName}));
  EXPECT_EQ(Describe(PresentAtSecond(Request("o2", 1, {kName}))).substr(0, 10), "PUTTING_UP");
  ASSERT_TRUE(Release("o2", 1).ok());
  ASSERT_TRUE(Release("o1", 2).ok());
  StartSecond();
  EXPECT_EQ(Describe(PresentAtSecond(request)), "RELEASED");
}

TEST_F(SeveralTest, WhatIsReleasedAtOneIsForgottenAtTheOther) {
  EnrollHttp({"web1"});
  ASSERT_TRUE(follower_->Look().ok());
  const auto link = AttachToSecond("web1");
  const auto request = Request("o1", 1, {kName});
  Ask(request);
  ASSERT_TRUE(PresentAtSecond(request).ok());
  EXPECT_EQ(Describe(link->TakeSent()), "put o1/1:a.example.com:http-01");
  ASSERT_TRUE(Release("o1", 1).ok());
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_EQ(Describe(link->TakeSent()), "down o1/1");
  EXPECT_EQ(Describe(PresentAtSecond(request)), "RELEASED");
}

TEST_F(SeveralTest, WhatIsRenewedAtOneIsForgottenAtTheOther) {
  EnrollHttp({"web1"});
  ASSERT_TRUE(follower_->Look().ok());
  const auto link = AttachToSecond("web1");
  ASSERT_TRUE(PresentAtSecond(Request("o1", 1, {kName})).ok());
  EXPECT_EQ(Describe(link->TakeSent()), "put o1/1:a.example.com:http-01");
  Ask(Request("o1", 2, {kName}));
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_EQ(Describe(link->TakeSent()), "");
  EXPECT_EQ(Describe(PresentAtSecond(Request("o1", 1, {kName}))), "STALE_GENERATION");
  EXPECT_TRUE(PresentAtSecond(Request("o1", 2, {kName})).ok());
}

// The validator that put it up is gone: whoever hears the release takes it down.
TEST_F(SeveralTest, AReleaseReachesTheAgentsThroughTheOther) {
  EnrollHttp({"web1", "web2"});
  ASSERT_TRUE(follower_->Look().ok());
  const auto first = Attach("web1");
  Ask(Request("o1", 1, {kName}));
  Answer("web1", *first);
  const auto link = AttachToSecond("web1");
  const auto link2 = AttachToSecond("web2");
  ASSERT_TRUE(ReleaseAtSecond("o1", 1).ok());
  EXPECT_EQ(Describe(link->TakeSent()), "down o1/1");
  EXPECT_EQ(Describe(link2->TakeSent()), "down o1/1");
  // A renewed lease is not ended by the release of what it replaced.
  Ask(Request("o2", 2, {kName}));
  ASSERT_TRUE(ReleaseAtSecond("o2", 1).ok());
  EXPECT_EQ(Describe(link->TakeSent()), "");
  EXPECT_EQ(Present(Request("o2", 2, {kName}))->state(), v1::PRESENTATION_STATE_PUTTING_UP);
}

// What an agent has up and this validator does not know is the other one's, until the store says
// that it was released.
TEST_F(SeveralTest, AnAgentKeepsWhatTheOtherWishes) {
  EnrollHttp({"web1"});
  ASSERT_TRUE(follower_->Look().ok());
  const auto first = Attach("web1");
  Ask(Request("wished", 1, {kName}));
  Ask(Request("over", 1, {"b.example.com"}));
  Answer("web1", *first);
  ASSERT_TRUE(Release("over", 1).ok());
  const auto link = AttachToSecond("web1", {{"wished", 1}, {"over", 1}, {"of-another-store", 3}});
  EXPECT_EQ(Describe(link->TakeSent()), "");
  timers_.Advance(absl::Seconds(1));
  // It has what it was wished to have, and is asked for it as by the first.
  EXPECT_EQ(Describe(link->TakeSent()), "down over/1; put wished/1:a.example.com:http-01");
  EXPECT_EQ(second_->PresentedAt("web1"), 1);
}

// Its grant was withdrawn while the validator that asked for the proof was away.
TEST_F(SeveralTest, AWithdrawnGrantEndsWhatTheOtherWishes) {
  EnrollHttp({"web1"});
  Ask(Request("o1", 1, {kName}));
  ASSERT_TRUE(fleet_.store()
                  .SetGrants("web1",
                             {GrantOf({"b.example.com"}, {challenge::ChallengeType::kHttp01})}, 0,
                             clock_.Now(), TestFleet::AuditOf("agent.set_grants", "web1"))
                  .ok());
  ASSERT_TRUE(follower_->Look().ok());
  const auto link = AttachToSecond("web1", {{"o1", 1}});
  timers_.Advance(absl::Seconds(1));
  EXPECT_EQ(Describe(link->TakeSent()), "down o1/1");
}

TEST_F(SeveralTest, WhoMissedTooMuchReadsEverything) {
  EnrollHttp({"web1"});
  ASSERT_TRUE(fleet_.database()
                  .Write([](sql::Connection& connection) {
                    return connection
                        .Execute("UPDATE fleet SET version = version + 100000 WHERE id = 1", {})
                        .status();
                  })
                  .ok());
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_TRUE(registry_->Admit(IdentityOf("web1")).ok());
  EnrollHttp({"web2"});
  EXPECT_EQ(fleet_.store().ChangesSince(fleet_.store().ChangesSince(0)->version)->names.size(), 0u);
  ASSERT_TRUE(follower_->Look().ok());
  EXPECT_TRUE(registry_->Admit(IdentityOf("web2")).ok());
}

}  // namespace
}  // namespace norroy::validator
