// One order whose names are proved in every way there is, and what is left of it afterwards.

#include <gtest/gtest.h>
#include <signal.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "agent/journal/journal.h"
#include "tests/e2e/challenge_world.h"

namespace norroy::harness {
namespace {

class EveryWay : public ::testing::Test {
 protected:
  void Begin(const PebbleOptions& pebble) {
    world_ = std::make_unique<ChallengeWorld>("every", WorldOptions{.pebble = pebble});
    world_->AddWebAgents();
    world_->AddAlpnAgent();
    world_->AddDnsAgents();
  }

  std::string CreateOrder() {
    std::string san;
    std::vector<std::string> create = {"order", "create"};
    for (const std::string& name : world_->TwentyNames()) {
      absl::StrAppend(&san, san.empty() ? "" : ",", "DNS:", name);
      create.push_back(name);
    }
    const std::string base = world_->dir() + "/order";
    const Output made =
        RunProgram({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key", "-out",
                    base + ".csr", "-subj", "/", "-addext", absl::StrCat("subjectAltName=", san)});
    EXPECT_EQ(made.code, 0) << made.err;
    create.insert(create.end(), {"--csr", base + ".csr", "-o", "json"});
    return Deployment::Field(world_->norroy().CliOk(create), "id");
  }
  std::string Show(const std::string& id) {
    return world_->norroy().Cli({"order", "show", id, "-o", "json"}).out;
  }
  std::string StateOf(const std::string& id) { return Deployment::Field(Show(id), "state"); }

  // Orders that failed at the CA, by their ids there.
  std::set<std::string> FailedCaOrders() {
    std::set<std::string> orders;
    for (const absl::string_view line : absl::StrSplit(ReadAll(world_->pebble().log()), '\n')) {
      const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
      for (size_t i = 2; i + 1 < words.size(); ++i) {
        if (words[i] == "set" && words[i + 1] == "INVALID" && words[i - 2] == "order") {
          orders.emplace(words[i - 1]);
        }
      }
    }
    return orders;
  }

  void ExpectNothingLeft() {
    const std::vector<std::string> tokens = world_->ProbedTokens();
    EXPECT_GE(tokens.size(), 6u);
    std::string left;
    EXPECT_TRUE(
        Eventually([&] { return (left = world_->LeftOvers(tokens)).empty(); }, absl::Seconds(5)))
        << left << world_->norroy().Logs();
    for (const std::string& agent : ChallengeWorld::AgentNames()) {
      EXPECT_EQ(world_->norroy().Presented(agent), 0) << agent;
      // A copy: the agent has the file itself.
      const std::string copy = absl::StrCat(world_->dir(), "/journal-", agent);
      WriteAll(copy, ReadAll(world_->norroy().JournalOf(agent)), 0600);
      const auto journal = agent::Journal::Open(copy);
      ASSERT_TRUE(journal.ok()) << journal.status();
      EXPECT_TRUE((*journal)->state().presented.empty()) << agent;
    }
  }

  std::unique_ptr<ChallengeWorld> world_;
};

TEST_F(EveryWay, TwentyNamesInOneOrder) {
  Begin({.authz_reuse_percent = 0});
  const std::string id = CreateOrder();
  EXPECT_TRUE(Eventually([&] { return StateOf(id) == "ORDER_STATE_VALID"; }, absl::Seconds(60)))
      << world_->norroy().Cli({"order", "show", id}).out << world_->norroy().Logs();
  EXPECT_EQ(world_->pebble().LogCount("Issued certificate serial"), 1);
  ExpectNothingLeft();
  // What each viewpoint saw stays with the order.
  const std::string shown = Show(id);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Deployment::Field(shown, absl::StrCat("names.", i, ".views.0.verdict")),
              "VERDICT_PASS")
        << Deployment::Field(shown, absl::StrCat("names.", i));
  }
}

// Each agent dies once while its proofs are up and comes back 5 s later.
TEST_F(EveryWay, AgentsKilledWhilePresented) {
  Begin({.sleep_seconds = 2, .authz_reuse_percent = 100});
  const std::string id = CreateOrder();
  for (const std::string& agent : ChallengeWorld::AgentNames()) {
    EXPECT_TRUE(Eventually([&] { return world_->norroy().Presented(agent) > 0; })) << agent;
  }
  for (const std::string& agent : ChallengeWorld::AgentNames()) {
    world_->norroy().agent(agent).Signal(SIGKILL);
    world_->norroy().agent(agent).Wait(absl::Seconds(5));
  }
  absl::SleepFor(absl::Seconds(5));
  for (const std::string& agent : ChallengeWorld::AgentNames()) {
    world_->norroy().StartAgent(agent);
  }
  EXPECT_TRUE(Eventually([&] { return StateOf(id) == "ORDER_STATE_VALID"; }, absl::Seconds(180)))
      << world_->norroy().Cli({"order", "show", id}).out << world_->norroy().Logs();
  EXPECT_EQ(world_->pebble().LogCount("Issued certificate serial"), 1);
  // Four of the six are listeners of their own; what the others wrote into DNS outlives them.
  EXPECT_LE(FailedCaOrders().size(), 4u);
  ExpectNothingLeft();
}

}  // namespace
}  // namespace norroy::harness
