// Agents that are banned, enrolled again, or copied, and what root on an agent's host could do:
// real processes, a real name server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "tests/e2e/agents_world.h"

namespace norroy::harness {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class AgentsTrust : public AgentsWorld {
 protected:
  std::string Field(const std::string& agent, const std::string& field) {
    return Deployment::Field(norroy().Cli({"agent", "show", agent, "-o", "json"}).out, field);
  }
  std::string HomeOf(const std::string& agent) {
    return absl::StrCat(norroy().dir(), "/agents/", agent);
  }
  std::string AgentLog(const std::string& agent) {
    return ReadAll(absl::StrCat(norroy().dir(), "/agent-", agent, ".log"));
  }
  // Another process from a copy of the agent's state directory, on a port of its own.
  std::unique_ptr<Process> StartCopy(const std::string& agent, const std::string& copy) {
    const std::string home = HomeOf(agent);
    const std::string other = HomeOf(copy);
    EXPECT_EQ(RunProgram({"cp", "-a", home, other}).code, 0);
    const std::string config = absl::StrReplaceAll(
        ReadAll(home + "/agent.yaml"), {{home + "/state", other + "/state"},
                                        {absl::StrCat("127.0.0.1:", world_->http_port()),
                                         absl::StrCat("127.0.0.1:", FreePort())}});
    WriteAll(other + "/agent.yaml", config);
    return Process::Start({Runfile("agent/norroy-agent"), "--config", other + "/agent.yaml"},
                          absl::StrCat(norroy().dir(), "/agent-", copy, ".log"));
  }
};

TEST_F(AgentsTrust, ABanEndsTheStreamAndHoldsUntilItIsLifted) {
  Begin();
  AddWebAgent("web1", "h1.web.test");
  norroy().CliOk({"issue", "h1.web.test"});
  const std::string banned =
      norroy().CliOk({"agent", "ban", "web1", "--reason", "host was stolen"});
  EXPECT_THAT(banned, AllOf(HasSubstr("banned"), HasSubstr("host was stolen")));
  const absl::Time start = absl::Now();
  EXPECT_TRUE(
      Eventually([&] { return absl::StrContains(AgentLog("web1"), "agent web1 is banned"); },
                 absl::Seconds(5)))
      << AgentLog("web1");
  EXPECT_TRUE(Eventually([&] { return Field("web1", "attached") != "true"; },
                         absl::Seconds(5) - (absl::Now() - start)));
  EXPECT_EQ(Field("web1", "state"), "AGENT_STATE_BANNED");
  EXPECT_THAT(norroy().CliOk({"agent", "list"}), HasSubstr("banned"));
  // What it was trusted with is nobody's now.
  const std::string id = Create("h1.web.test");
  EXPECT_TRUE(Eventually([&] { return !ErrorOf(id).empty(); }));
  EXPECT_THAT(ErrorOf(id), HasSubstr("no agent may answer for h1.web.test"));
  // Nor does a new process, a validator that was started since, or a new token get it in.
  norroy().validator().Signal(SIGTERM);
  EXPECT_EQ(norroy().validator().Wait(absl::Seconds(15)), 0);
  norroy().StartValidator();
  EXPECT_TRUE(Eventually([&] { return Field("web1", "state") == "AGENT_STATE_BANNED"; }));
  const Output token = norroy().Cli({"agent", "token", "create", "web1", "--answer", "h1.web.test",
                                     "--out", world_->dir() + "/again.token", "--replace"});
  EXPECT_NE(token.code, 0);
  EXPECT_THAT(token.err, HasSubstr("norroy agent unban web1"));
  EXPECT_NE(Field("web1", "attached"), "true");
  // Lifted, the same process comes back by itself.
  norroy().CliOk({"agent", "unban", "web1"});
  EXPECT_TRUE(Eventually([&] { return Field("web1", "attached") == "true"; }, absl::Seconds(75)))
      << norroy().Logs();
  (void)norroy().Cli({"order", "retry", id});
  ExpectIssued(id);
}

TEST_F(AgentsTrust, ANameEnrolledAgainDoesNotReviveTheOldHost) {
  Begin();
  AddWebAgent("web1", "h1.web.test");
  const std::string old_id = Field("web1", "enrollmentId");
  norroy().agent("web1").Signal(SIGTERM);
  EXPECT_EQ(norroy().agent("web1").Wait(absl::Seconds(15)), 0);
  EXPECT_EQ(RunProgram({"mv", HomeOf("web1"), HomeOf("web1-gone")}).code, 0);
  norroy().CliOk({"agent", "remove", "web1"});
  AddWebAgent("web1", "h1.web.test");
  EXPECT_NE(Field("web1", "enrollmentId"), old_id);

  EXPECT_EQ(RunProgram({"cp", "-a", HomeOf("web1-gone"), HomeOf("web1-back")}).code, 0);
  WriteAll(HomeOf("web1-back") + "/agent.yaml",
           absl::StrCat("state_dir: ", HomeOf("web1-back"), "/state\nhttp_listener:\n  listen:\n",
                        "    - 127.0.0.1:", FreePort(), "\n"));
  const auto old = Process::Start(
      {Runfile("agent/norroy-agent"), "--config", HomeOf("web1-back") + "/agent.yaml"},
      norroy().dir() + "/agent-web1-back.log");
  EXPECT_TRUE(Eventually([&] {
    return absl::StrContains(AgentLog("web1-back"), "is not enrolled");
  })) << AgentLog("web1-back");
  EXPECT_EQ(Field("web1", "attached"), "true");
  norroy().CliOk({"issue", "h1.web.test"});
  EXPECT_THAT(norroy().CliOk({"agent", "grants", "web1", "--all"}), HasSubstr(old_id));
}

TEST_F(AgentsTrust, ACopiedHostIsFlaggedAndARestartIsNot) {
  Begin();
  AddWebAgent("web1", "h1.web.test");
  for (const int signal : {SIGTERM, SIGKILL}) {
    norroy().agent("web1").Signal(signal);
    norroy().agent("web1").Wait(absl::Seconds(15));
    norroy().StartAgent("web1");
  }
  EXPECT_EQ(Field("web1", "duplicateTime"), "");
  const auto copy = StartCopy("web1", "copy");
  EXPECT_TRUE(
      Eventually([&] { return !Field("web1", "duplicateTime").empty(); }, absl::Seconds(60)))
      << norroy().Logs();
  EXPECT_THAT(norroy().CliOk({"agent", "show", "web1"}),
              AllOf(HasSubstr("duplicate"), HasSubstr("127.0.0.1:")));
  EXPECT_THAT(norroy().CliOk({"agent", "list"}), HasSubstr("duplicate"));
  EXPECT_THAT(norroy().Logs(), HasSubstr("two processes attach in turns"));
}

TEST_F(AgentsTrust, WhatRootOnADnsHostCouldDo) {
  Begin({.zones = {{.name = "shop.test",
                    .records = "_acme-challenge.www IN CNAME www-shop.dyn.test.\n"
                               "_acme-challenge.far IN CNAME hop.shop.test.\n"
                               "hop IN CNAME far-shop.dyn.test.\n"
                               "_acme-challenge.away IN CNAME away.web.test.\n"}}});
  AddDnsAgent("dyn1", world_->bind().place(), {"r1.dyn.test", "r2.dyn.test"});
  norroy().CliOk({"issue", "r1.dyn.test"});
  // Of all names that the issuer knows.
  const std::string known = norroy().CliOk({"agent", "blast-radius", "dyn1"});
  EXPECT_THAT(known,
              StartsWith("Whoever has root on the host of agent dyn1 could have 1 of 1 names"));
  const std::vector<std::string> ask = {
      "agent",         "blast-radius",  "dyn1",           "r1.dyn.test",     "other.dyn.test",
      "www.shop.test", "far.shop.test", "away.shop.test", "plain.shop.test", "h1.web.test"};
  const std::string shown = norroy().CliOk(ask);
  EXPECT_THAT(shown, StartsWith("Whoever has root on the host of agent dyn1 could have 4 of 7"));
  EXPECT_THAT(shown, AllOf(HasSubstr("www-shop.dyn.test"), HasSubstr("far-shop.dyn.test"),
                           HasSubstr("_acme-challenge.other.dyn.test"),
                           Not(HasSubstr("away.shop.test")), Not(HasSubstr("plain.shop.test"))));
  std::vector<std::string> as_json = ask;
  as_json.insert(as_json.end(), {"-o", "json"});
  const std::string json = norroy().CliOk(as_json);
  EXPECT_EQ(Deployment::Field(json, "zones.0"), "dyn.test");
  EXPECT_EQ(Deployment::Field(json, "names.0.how"), "grant");
  EXPECT_EQ(Deployment::Field(json, "names.1.how"), "zone");
  // A narrower grant takes effect at once, on what is ordered and on what is shown.
  norroy().CliOk({"agent", "set-grants", "dyn1", "--name", "r2.dyn.test", "--type", "dns-01"});
  const std::string id = Create("r1.dyn.test");
  EXPECT_TRUE(Eventually([&] { return !ErrorOf(id).empty(); }));
  EXPECT_THAT(ErrorOf(id), HasSubstr("no agent may answer for r1.dyn.test"));
  EXPECT_THAT(norroy().CliOk({"agent", "grants", "dyn1", "--all"}),
              AllOf(HasSubstr("r1.dyn.test"), HasSubstr("operator/")));
}

}  // namespace
}  // namespace norroy::harness
