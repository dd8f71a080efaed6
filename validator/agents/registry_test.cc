#include "validator/agents/registry.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "validator/agents/test_fleet.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;

const absl::Time kNow = absl::FromUnixSeconds(1767225600);

identity::Identity AgentIdentity(const std::string& name, int number = 1) {
  return {"test", types::v1::ROLE_AGENT, name, TestFleet::EnrollmentId(name, number)};
}

challenge::Name NameOfText(const std::string& text) { return *challenge::Name::Parse(text); }

std::string Describe(const std::vector<std::pair<ChallengeType, Candidate>>& candidates) {
  return absl::StrJoin(candidates, " ", [](std::string* out, const auto& one) {
    absl::StrAppend(out, one.second.agent, ":", challenge::ChallengeTypeName(one.first),
                    one.second.responders == Responders::kAll ? ":all" : ":one",
                    one.second.attached ? "+" : "");
  });
}

TEST(Registry, RemembersWhatAnAgentTellsWhileItIsTheSame) {
  TestFleet fleet(kNow);
  Registry& registry = fleet.registry();
  const auto grant = GrantOf({"www.example.com"}, {ChallengeType::kHttp01});
  fleet.Enroll("web1", {grant});
  AgentReport report;
  report.clock_offset = absl::Minutes(3);
  AgentCounts counts;
  counts.refused["EXPIRED"] = 2;
  registry.NoteReport("web1", report);
  registry.NoteCounts("web1", counts);
  registry.NoteReport("nobody", report);
  registry.NoteCounts("nobody", counts);
  EXPECT_EQ(registry.ClockOffset("web1"), absl::Minutes(3));
  EXPECT_EQ(registry.CountsOf("web1").refused.at("EXPIRED"), 2);
  EXPECT_EQ(registry.ClockOffset("nobody"), absl::ZeroDuration());
  EXPECT_TRUE(registry.CountsOf("nobody").refused.empty());
  // A change in the store, which may not have the report yet.
  ASSERT_TRUE(registry.Reload("web1").ok());
  EXPECT_EQ(registry.ClockOffset("web1"), absl::Minutes(3));
  EXPECT_EQ(registry.CountsOf("web1").refused.at("EXPIRED"), 2);
  // A new hello: perhaps of another process, which counts from nothing.
  registry.NoteReport("web1", report);
  EXPECT_TRUE(registry.CountsOf("web1").refused.empty());
  registry.NoteCounts("web1", counts);
  fleet.Enroll("web1", {grant}, 2);
  EXPECT_TRUE(registry.CountsOf("web1").refused.empty());
  EXPECT_EQ(registry.ClockOffset("web1"), absl::ZeroDuration());
}

TEST(Registry, AdmitsOnlyThePresentEnrollment) {
  TestFleet fleet(kNow);
  const auto grant = GrantOf({"www.example.com"}, {ChallengeType::kHttp01});
  fleet.Enroll("web1", {grant});
  fleet.Enroll("web2", {grant});
  fleet.Invite("web3", {grant});
  fleet.Enroll("web2", {grant}, 2);
  identity::Identity bootstrap = AgentIdentity("web1");
  bootstrap.role = types::v1::ROLE_BOOTSTRAP;
  identity::Identity operator_identity = AgentIdentity("web1");
  operator_identity.role = types::v1::ROLE_OPERATOR;
  const struct {
    const char* what;
    identity::Identity identity;
    bool admitted;
  } cases[] = {
      {"enrolled", AgentIdentity("web1"), true},
      {"its token is looked at later", bootstrap, true},
      {"another role", operator_identity, false},
      {"another enrollment", AgentIdentity("web1", 9), false},
      {"replaced", AgentIdentity("web2", 1), false},
      {"its replacement", AgentIdentity("web2", 2), true},
      {"invited only", AgentIdentity("web3"), false},
      {"unknown", AgentIdentity("web4"), false},
  };
  for (const auto& c : cases) {
    const absl::Status status = fleet.registry().Admit(c.identity);
    EXPECT_EQ(status.ok(), c.admitted) << c.what << ": " << status;
    EXPECT_EQ(ErrorReason(status), c.admitted ? "" : "AGENT_REMOVED") << c.what;
  }
}

TEST(Registry, LoadsWhatTheStoreHas) {
  TestFleet fleet(kNow);
  fleet.Enroll("web1", {GrantOf({".example.com"}, {ChallengeType::kHttp01})});
  fleet.Invite("web2", {GrantOf({".example.com"}, {ChallengeType::kHttp01})});
  const auto again = Registry::Load(fleet.store());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->agents().size(), 2u);
  EXPECT_EQ(Describe((*again)->CandidatesFor(NameOfText("a.example.com"))), "web1:http-01:all");
}

TEST(Registry, CandidatesComeByPreferenceThenName) {
  TestFleet fleet(kNow);
  fleet.Enroll("web2", {GrantOf({".example.com"}, {ChallengeType::kHttp01})});
  fleet.Enroll("web1",
               {GrantOf({"a.example.com"}, {ChallengeType::kTlsAlpn01, ChallengeType::kHttp01})});
  fleet.Enroll("dns", {GrantOf({".example.com", "*.example.com"}, {ChallengeType::kDns01},
                               Responders::kOne)});
  // Two grants for one name: the earlier place and the stricter rule count.
  fleet.Enroll("both", {GrantOf({"b.example.com"}, {ChallengeType::kDns01, ChallengeType::kHttp01},
                                Responders::kOne),
                        GrantOf({"b.example.com"}, {ChallengeType::kHttp01})});
  fleet.Enroll("drained", {GrantOf({".example.com"}, {ChallengeType::kHttp01})});
  ASSERT_TRUE(fleet.store()
                  .SetDrained("drained", true, kNow, TestFleet::AuditOf("agent.drain", "drained"))
                  .ok());
  ASSERT_TRUE(fleet.registry().Reload("drained").ok());
  fleet.registry().Attach("web2", std::make_shared<FakeLink>());
  const struct {
    const char* name;
    const char* candidates;
  } cases[] = {
      {"a.example.com", "web2:http-01:all+ dns:dns-01:one web1:tls-alpn-01:all web1:http-01:all"},
      {"b.example.com", "both:http-01:all web2:http-01:all+ both:dns-01:one dns:dns-01:one"},
      {"*.example.com", "dns:dns-01:one"},
      {"example.com", ""},
      {"example.org", ""},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Describe(fleet.registry().CandidatesFor(NameOfText(c.name))), c.candidates) << c.name;
  }
}

TEST(Registry, TheNewestLinkCounts) {
  TestFleet fleet(kNow);
  fleet.Enroll("web1", {GrantOf({"www.example.com"}, {ChallengeType::kHttp01})});
  Registry& registry = fleet.registry();
  const auto first = std::make_shared<FakeLink>();
  const auto second = std::make_shared<FakeLink>();
  agent::v1::AttachResponse message;
  EXPECT_FALSE(registry.Send("web1", message));
  const int64_t one = registry.Attach("web1", first);
  EXPECT_TRUE(registry.Send("web1", message));
  const int64_t two = registry.Attach("web1", second);
  EXPECT_TRUE(first->closed());
  EXPECT_EQ(ErrorReason(first->why_closed()), "SUPERSEDED");
  EXPECT_FALSE(registry.IsCurrent("web1", one));
  EXPECT_TRUE(registry.IsCurrent("web1", two));
  EXPECT_FALSE(registry.Detach("web1", one));
  EXPECT_TRUE(registry.IsAttached("web1"));
  EXPECT_TRUE(registry.Send("web1", message));
  EXPECT_EQ(first->TakeSent().size(), 1u);
  EXPECT_EQ(second->TakeSent().size(), 1u);
  EXPECT_TRUE(registry.Detach("web1", two));
  EXPECT_FALSE(registry.Detach("web1", two));
  EXPECT_FALSE(registry.IsAttached("web1"));
}

TEST(Registry, RemovalAndReplacementCloseTheLinkDrainingDoesNot) {
  TestFleet fleet(kNow);
  const auto grant = GrantOf({"www.example.com"}, {ChallengeType::kHttp01});
  fleet.Enroll("web1", {grant});
  fleet.Enroll("web2", {grant});
  const auto link1 = std::make_shared<FakeLink>();
  const auto link2 = std::make_shared<FakeLink>();
  fleet.registry().Attach("web1", link1);
  fleet.registry().Attach("web2", link2);
  ASSERT_TRUE(
      fleet.store().SetDrained("web1", true, kNow, TestFleet::AuditOf("agent.drain", "web1")).ok());
  ASSERT_TRUE(fleet.registry().Reload("web1").ok());
  EXPECT_FALSE(link1->closed());
  ASSERT_TRUE(
      fleet.store().RemoveAgent("web1", kNow, TestFleet::AuditOf("agent.remove", "web1")).ok());
  ASSERT_TRUE(fleet.registry().Reload("web1").ok());
  EXPECT_TRUE(link1->closed());
  EXPECT_EQ(ErrorReason(link1->why_closed()), "AGENT_REMOVED");
  fleet.Invite("web2", {grant}, 2);
  EXPECT_TRUE(link2->closed());
}

TEST(Registry, ManyThreadsAtOnce) {
  TestFleet fleet(kNow);
  fleet.Enroll("web1", {GrantOf({".example.com"}, {ChallengeType::kHttp01})});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        const int64_t number = fleet.registry().Attach("web1", std::make_shared<FakeLink>());
        fleet.registry().Send("web1", {});
        fleet.registry().CandidatesFor(NameOfText("a.example.com"));
        EXPECT_TRUE(fleet.registry().Reload("web1").ok());
        EXPECT_TRUE(fleet.registry().Admit(AgentIdentity("web1")).ok());
        fleet.registry().Detach("web1", number);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(fleet.registry().IsAttached("web1"));
}

TEST(Registry, ABannedNameIsRefusedWhoeverBearsIt) {
  TestFleet fleet(kNow);
  Registry& registry = fleet.registry();
  const auto grant = GrantOf({"www.example.com"}, {ChallengeType::kHttp01});
  const auto ban = [&fleet](const std::string& name) {
    return fleet.store().BanName({name, "stolen", "operator/a", kNow},
                                 TestFleet::AuditOf("agent.ban", name));
  };
  fleet.Enroll("web1", {grant});
  fleet.Invite("web2", {grant});
  const auto link = std::make_shared<FakeLink>();
  registry.Attach("web1", link);
  ASSERT_TRUE(ban("web1").ok());
  ASSERT_TRUE(ban("web2").ok());
  ASSERT_TRUE(registry.Reload("web1").ok());
  ASSERT_TRUE(registry.Reload("web2").ok());
  identity::Identity bootstrap = AgentIdentity("web2");
  bootstrap.role = types::v1::ROLE_BOOTSTRAP;
  EXPECT_TRUE(link->closed());
  EXPECT_EQ(ErrorReason(link->why_closed()), "AGENT_BANNED");
  EXPECT_EQ(link->why_closed().message().find("stolen"), absl::string_view::npos);
  EXPECT_EQ(ErrorReason(registry.Admit(AgentIdentity("web1"))), "AGENT_BANNED");
  EXPECT_EQ(ErrorReason(registry.Admit(AgentIdentity("web1", 9))), "AGENT_BANNED");
  EXPECT_EQ(ErrorReason(registry.Admit(bootstrap)), "AGENT_BANNED");
  EXPECT_EQ(Describe(registry.CandidatesFor(NameOfText("www.example.com"))), "");
  EXPECT_FALSE(registry.MayAnswer("web1", NameOfText("www.example.com"), ChallengeType::kHttp01));

  // A restart forgets no ban; not that of a name that has no agent now, either.
  ASSERT_TRUE(
      fleet.store().RemoveAgent("web2", kNow, TestFleet::AuditOf("agent.remove", "web2")).ok());
  const auto restarted = Registry::Load(fleet.store());
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  EXPECT_EQ(ErrorReason((*restarted)->Admit(AgentIdentity("web1"))), "AGENT_BANNED");
  EXPECT_EQ(ErrorReason((*restarted)->Admit(bootstrap)), "AGENT_BANNED");

  const audit::Entry lift = TestFleet::AuditOf("agent.unban", "web1");
  ASSERT_TRUE(fleet.store().LiftBan("web1", kNow, lift).ok());
  ASSERT_TRUE(fleet.store().LiftBan("web2", kNow, lift).ok());
  ASSERT_TRUE(registry.Reload("web1").ok());
  ASSERT_TRUE(registry.Reload("web2").ok());
  EXPECT_TRUE(registry.Admit(AgentIdentity("web1")).ok());
  EXPECT_TRUE(registry.Admit(bootstrap).ok());
  EXPECT_EQ(ErrorReason(registry.Admit(AgentIdentity("web2"))), "AGENT_REMOVED");
}

TEST(Registry, GrantsTakeEffectWithTheReload) {
  TestFleet fleet(kNow);
  Registry& registry = fleet.registry();
  fleet.Enroll("web1", {GrantOf({"a.example.com"}, {ChallengeType::kHttp01})});
  ASSERT_TRUE(fleet.store()
                  .SetGrants("web1", {GrantOf({"b.example.com"}, {ChallengeType::kDns01})}, 1, kNow,
                             TestFleet::AuditOf("agent.set_grants", "web1"))
                  .ok());
  const auto may = [&registry](const char* name, ChallengeType type) {
    return registry.MayAnswer("web1", NameOfText(name), type);
  };
  EXPECT_TRUE(may("a.example.com", ChallengeType::kHttp01));
  ASSERT_TRUE(registry.Reload("web1").ok());
  EXPECT_FALSE(may("a.example.com", ChallengeType::kHttp01));
  EXPECT_TRUE(may("b.example.com", ChallengeType::kDns01));
  EXPECT_FALSE(may("b.example.com", ChallengeType::kHttp01));
  EXPECT_EQ(Describe(registry.CandidatesFor(NameOfText("a.example.com"))), "");
}

}  // namespace
}  // namespace norroy::validator
