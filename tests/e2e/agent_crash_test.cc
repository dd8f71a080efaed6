// kill -9 of an agent at every moment of a presentation: the order ends, the CA meets nothing that
// is not there, and nothing stays.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/journal/journal.h"
#include "common/identity/issuing.h"
#include "tests/e2e/agents_world.h"
#include "tests/e2e/dns_relay.h"

namespace norroy::harness {
namespace {

class AgentCrash : public AgentsWorld {
 protected:
  void Kill(const std::string& agent) {
    norroy().agent(agent).Signal(SIGKILL);
    norroy().agent(agent).Wait(absl::Seconds(5));
  }

  std::string TxtOf(const std::string& name) {
    return world_->bind().Dig("_acme-challenge." + name, "TXT");
  }

  void ExpectEmptyJournal(const std::string& agent) {
    EXPECT_TRUE(Eventually([&] { return norroy().Presented(agent) == 0; })) << agent;
    // A copy: the agent has the file itself.
    const std::string copy = absl::StrCat(world_->dir(), "/journal-", agent);
    WriteAll(copy, ReadAll(norroy().JournalOf(agent)), 0600);
    const auto journal = agent::Journal::Open(copy);
    ASSERT_TRUE(journal.ok()) << journal.status();
    EXPECT_TRUE((*journal)->state().presented.empty()) << agent;
  }
};

// It was told to put up, and did not even read it.
TEST_F(AgentCrash, BeforeItPresents) {
  Begin();
  AddWebAgent("web1", "h1.web.test");
  norroy().agent("web1").Signal(SIGSTOP);
  const std::string id = Create("h1.web.test");
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Show(id), "web1"); })) << Show(id);
  EXPECT_EQ(Step(id), "PRESENTING");
  Kill("web1");
  norroy().StartAgent("web1");
  ExpectIssued(id);
  EXPECT_EQ(Failures(), 0);
  ExpectEmptyJournal("web1");
}

// One of two that may each answer alone.
TEST_F(AgentCrash, TheOtherOneAnswers) {
  Begin();
  AddDnsAgent("dyn1", world_->bind().place());
  AddDnsAgent("dyn2", world_->bind().place());
  Kill("dyn1");
  ExpectIssued(Create("r1.dyn.test"));
  EXPECT_EQ(Failures(), 0);
  EXPECT_FALSE(norroy().IsAttached("dyn1"));
  EXPECT_EQ(TxtOf("r1.dyn.test"), "");
}

// The value is at the server, and nobody has heard of it.
TEST_F(AgentCrash, AfterTheWriteBeforeTheAck) {
  Begin();
  for (const bool order_lives : {true, false}) {
    SCOPED_TRACE(order_lives ? "order lives" : "order dead");
    const std::string agent = order_lives ? "dyn1" : "dyn2";
    const std::string name = order_lives ? "r1.dyn.test" : "r2.dyn.test";
    DnsRelay relay(world_->bind().port(), 1, DnsRelay::Stop::kReply);
    AddDnsAgent(agent, relay.place(), {name});
    const int told = Told();
    const std::string id = Create(name);
    ASSERT_TRUE(Eventually([&] { return relay.stopped(); })) << norroy().Logs();
    Kill(agent);
    EXPECT_NE(TxtOf(name), "");
    EXPECT_EQ(Told(), told);
    if (!order_lives) norroy().CliOk({"order", "cancel", id});
    relay.Release();
    norroy().StartAgent(agent);
    if (order_lives) ExpectIssued(id);
    EXPECT_TRUE(Eventually([&] { return TxtOf(name).empty(); }, absl::Seconds(50)))
        << TxtOf(name) << norroy().Logs();
    ExpectEmptyJournal(agent);
    EXPECT_EQ(Failures(), 0);
    EXPECT_EQ(Told(), order_lives ? told + 1 : told);
  }
}

// It was told to take down, and the server has not heard of it.
TEST_F(AgentCrash, AfterTheTakeDownBeforeTheDelete) {
  Begin();
  DnsRelay relay(world_->bind().port(), 2, DnsRelay::Stop::kRequest);
  AddDnsAgent("dyn1", relay.place());
  const std::string id = Create("r1.dyn.test");
  ExpectIssued(id);
  ASSERT_TRUE(Eventually([&] { return relay.stopped(); })) << norroy().Logs();
  Kill("dyn1");
  EXPECT_NE(TxtOf("r1.dyn.test"), "");
  relay.Release();
  norroy().StartAgent("dyn1");
  EXPECT_TRUE(Eventually([&] { return TxtOf("r1.dyn.test").empty(); }, absl::Seconds(50)))
      << norroy().Logs();
  ExpectEmptyJournal("dyn1");
}

// Files outlive the agent that wrote them, and are whole whenever it dies.
TEST_F(AgentCrash, AtManyMomentsBesideAWebServer) {
  constexpr int kRounds = 20;
  Begin();
  const std::string root = world_->dir() + "/www";
  mkdir(root.c_str(), 0755);
  const auto nginx = ServeFiles(root, ".web.test");
  norroy().AddAgent("web1", {.patterns = {".web.test"}, .webroot = root});
  std::vector<std::string> ids;
  int kills_while_served = 0;
  for (int round = 0; round < kRounds; ++round) {
    // Twice each: no limit on certificates for the same names is met.
    const int number = round % (kRounds / 2);
    ids.push_back(Create(number < 6 ? absl::StrCat("h", number + 1, ".web.test")
                                    : absl::StrCat("t", number - 5, ".web.test")));
    absl::SleepFor(absl::Milliseconds(5) * round);
    Kill("web1");
    const std::map<std::string, std::string> files = ChallengeFiles(root);
    kills_while_served += files.empty() ? 0 : 1;
    for (const auto& [token, content] : files) {
      EXPECT_TRUE(absl::StartsWith(content, token + ".")) << token << ": " << content;
      EXPECT_EQ(content.size(), token.size() + 44) << token << ": " << content;
    }
    norroy().StartAgent("web1");
  }
  for (const std::string& id : ids) ExpectIssued(id);
  EXPECT_GT(kills_while_served, 0);
  EXPECT_EQ(Failures(), 0);
  ExpectEmptyJournal("web1");
  EXPECT_TRUE(Eventually([&] { return ChallengeFiles(root).empty(); }));
}

// An identity that lives for an hour, backdated by another one, is due for renewal at every start.
TEST_F(AgentCrash, WhileItsIdentityIsRenewed) {
  constexpr int kRounds = 40;
  WorldOptions options;
  options.deployment.validator = "agent_identity_hours: 1\n";
  Begin(options);
  AddWebAgent("web1", "h1.web.test");
  Kill("web1");
  const std::string home = norroy().dir() + "/agents/web1";
  const std::string log = world_->dir() + "/renewing.log";
  std::set<std::string> identities;
  for (int round = 0; round < kRounds; ++round) {
    const auto agent =
        Process::Start({Runfile("agent/norroy-agent"), "--config", home + "/agent.yaml"}, log);
    absl::SleepFor(absl::Milliseconds(5) * round);
    agent->Signal(SIGKILL);
    agent->Wait(absl::Seconds(5));
    const auto identity = identity::ReadIdentityFile(home + "/state/identity.pem");
    ASSERT_TRUE(identity.ok()) << "round " << round << ": " << identity.status();
    identities.insert(identity->chain.front().der());
  }
  EXPECT_GT(identities.size(), 3u) << ReadAll(log);
  // Whichever it has is taken.
  norroy().StartAgent("web1");
  ExpectIssued(Create("h1.web.test"));
}

}  // namespace
}  // namespace norroy::harness
