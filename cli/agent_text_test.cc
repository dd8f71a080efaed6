#include "cli/agent_text.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "cli/blast_radius_text.h"

namespace norroy::cli {
namespace {

using validator::v1::Agent;

Agent Web1() {
  Agent agent;
  agent.set_name("web1");
  agent.set_state(validator::v1::AGENT_STATE_ENROLLED);
  return agent;
}

TEST(AgentText, StatesTellWhatIsWrong) {
  const struct {
    const char* what;
    std::function<void(Agent&)> change;
    const char* text;
  } cases[] = {
      {"enrolled", [](Agent&) {}, "enrolled, not attached"},
      {"attached, drained",
       [](Agent& agent) {
         agent.set_attached(true);
         agent.set_drained(true);
       },
       "enrolled, attached, drained"},
      {"banned",
       [](Agent& agent) {
         agent.set_state(validator::v1::AGENT_STATE_BANNED);
         agent.mutable_ban_time()->set_seconds(1767225600);
       },
       "banned"},
      {"removed, its name banned",
       [](Agent& agent) {
         agent.set_state(validator::v1::AGENT_STATE_REMOVED);
         agent.mutable_ban_time()->set_seconds(1767225600);
       },
       "removed, banned"},
      {"copied", [](Agent& agent) { agent.mutable_duplicate_time()->set_seconds(1767225600); },
       "enrolled, not attached, duplicate"},
  };
  for (const auto& c : cases) {
    Agent agent = Web1();
    c.change(agent);
    EXPECT_EQ(StateText(agent), c.text) << c.what;
  }
}

// What an agent tells of itself has been escaped by the validator; a terminal gets it escaped even
// if it has not.
TEST(AgentText, WhatAnAgentSaysCannotMoveTheCursor) {
  Agent agent = Web1();
  agent.set_version("1.0\x1b[2J\n\u202Elive");
  agent.add_scope("a\x07");
  agent.mutable_duplicate_time()->set_seconds(1767225600);
  agent.add_duplicate_peers("192.0.2.1:1\r");
  validator::v1::AgentPresenter& presenter = *agent.add_presenters();
  presenter.set_name("web\x1b]0;root\x07\u2066");
  presenter.set_last_error("line\nline");
  FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  Output output(Format::kTable, file, file, false, false);
  ShowAgent(output, agent);
  std::rewind(file);
  std::string shown(4096, '\0');
  shown.resize(std::fread(shown.data(), 1, shown.size(), file));
  std::fclose(file);
  for (const absl::string_view control : {"\x1b", "\x07", "\r", "\u202E", "\u2066", "line\nline"}) {
    EXPECT_FALSE(absl::StrContains(shown, control)) << shown;
  }
  EXPECT_TRUE(absl::StrContains(shown, "1.0\\x1b[2J\\x0a\\xe2\\x80\\xaelive")) << shown;
}

TEST(AgentText, GrantsAreReadFromOptions) {
  const auto grant = ParseGrant({".example.com", "*.example.com"}, {"dns-01", "http-01"}, "one");
  ASSERT_TRUE(grant.ok()) << grant.status();
  EXPECT_EQ(GrantText(*grant), ".example.com, *.example.com by dns-01, http-01, responders one");
  EXPECT_FALSE(ParseGrant({"not a pattern"}, {"http-01"}, "").ok());
  EXPECT_FALSE(ParseGrant({".example.com"}, {"http-02"}, "").ok());
  EXPECT_FALSE(ParseGrant({".example.com"}, {"http-01"}, "some").ok());
}

TEST(BlastRadiusText, OpensWithWhatRootCouldDo) {
  validator::v1::GetBlastRadiusResponse radius;
  EXPECT_EQ(BlastRadiusText("web1", 3, radius),
            "Whoever has root on the host of agent web1 could have 0 of 3 names validated.");
  const auto add = [&radius](const char* name, const char* how) {
    radius.add_names()->set_name(name);
    radius.mutable_names()->rbegin()->set_how(how);
  };
  add("a.example.com", "grant");
  add("a.example.com", "zone");
  add("b.example.com", "beyond-scope");
  add("c.example.com", "unknown");
  radius.add_zones("acme.test");
  EXPECT_EQ(BlastRadiusText("web1", 9, radius),
            "Whoever has root on the host of agent web1 could have 2 of 9 names validated: 1 "
            "through this deployment, by its grants and its scope; 1 through this deployment, by "
            "its grants alone, once its scope (a file on that host) is widened; 1 by DNS-01 with "
            "an account at any CA, since it writes to acme.test. 1 could not be looked up, or not "
            "in time: ask for these again.");
}

}  // namespace
}  // namespace norroy::cli
