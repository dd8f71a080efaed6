// Agents and hosts that are broken: the order says which one and why, the CA is not told, and the
// orders of others go on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/e2e/agents_world.h"

namespace norroy::harness {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class AgentTrouble : public AgentsWorld {
 protected:
  // An order for this name comes to an error that says all of this, without the CA; its id.
  template <typename Matcher>
  std::string ExpectTrouble(const std::string& name, const Matcher& says) {
    const int told = Told();
    const std::string id = Create(name);
    EXPECT_TRUE(Eventually([&] { return !ErrorOf(id).empty(); }, absl::Seconds(25)))
        << Show(id) << norroy().Logs();
    EXPECT_THAT(ErrorOf(id), says);
    EXPECT_EQ(Deployment::Field(Json(id), "state"), "ORDER_STATE_PENDING") << "it can be mended";
    EXPECT_EQ(Told(), told);
    return id;
  }

  // What was wrong is mended.
  void ExpectItGoesOn(const std::string& id) {
    (void)norroy().Cli({"order", "retry", id});
    ExpectIssued(id);
  }
};

// A file system of our own, seen by what we start from here on; why not, if not.
std::string MountTmpfs(const std::string& path, const char* options) {
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return std::strerror(errno);
  }
  return mount("tmpfs", path.c_str(), "tmpfs", 0, options) == 0 ? "" : std::strerror(errno);
}

TEST_F(AgentTrouble, AWebRootThatTurnsReadOnlyOrFull) {
  const std::string root = TempDir("www");
  if (const std::string why = MountTmpfs(root, "size=64k,mode=0755"); !why.empty()) {
    GTEST_SKIP() << "no tmpfs: " << why;
  }
  Begin();
  const int other_port = world_->web_port(1);
  const auto nginx = ServeFiles(
      root, "h1.web.test h2.web.test h3.web.test",
      absl::StrCat("  server { listen 127.0.0.1:", world_->http_port(),
                   "; server_name .web.test; location / { proxy_pass http://127.0.0.1:", other_port,
                   "; proxy_set_header Host $host; } }\n"));
  norroy().AddAgent("web1",
                    {.patterns = {"h1.web.test", "h2.web.test", "h3.web.test"}, .webroot = root});
  norroy().AddAgent("web2", {.patterns = {"h5.web.test", "h6.web.test"}, .http_port = other_port});
  ExpectIssued(Create("h1.web.test"));

  ASSERT_EQ(mount(nullptr, root.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const std::string read_only = ExpectTrouble(
      "h2.web.test",
      AllOf(HasSubstr("agent web1"), HasSubstr(root), HasSubstr("Read-only file system")));
  ExpectIssued(Create("h5.web.test"));
  ASSERT_EQ(mount(nullptr, root.c_str(), nullptr, MS_REMOUNT, "size=64k"), 0);
  ExpectItGoesOn(read_only);

  WriteAll(root + "/filler", std::string(100'000, 'x'));
  const std::string full = ExpectTrouble(
      "h3.web.test",
      AllOf(HasSubstr("agent web1"), HasSubstr(root), HasSubstr("No space left on device")));
  ExpectIssued(Create("h6.web.test"));
  ASSERT_EQ(unlink((root + "/filler").c_str()), 0);
  ExpectItGoesOn(full);
  EXPECT_EQ(Failures(), 0);
  EXPECT_TRUE(Eventually([&] { return ChallengeFiles(root).empty(); }));
}

TEST_F(AgentTrouble, AnAgentThatIsSilent) {
  Begin();
  AddWebAgent("web1", "h1.web.test");
  AddDnsAgent("dyn1", world_->bind().place());
  norroy().agent("web1").Signal(SIGSTOP);
  const std::string id =
      ExpectTrouble("h1.web.test", AllOf(HasSubstr("agent web1"), HasSubstr("has not answered")));
  ExpectIssued(Create("r1.dyn.test"));
  norroy().agent("web1").Signal(SIGCONT);
  ExpectItGoesOn(id);
  EXPECT_EQ(Failures(), 0);
}

// By seconds.
std::vector<std::string> Skewed(const std::string& offset) {
  return {"/usr/bin/env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "/usr/bin/faketime", "-f", offset};
}

TEST_F(AgentTrouble, AClockThatIsWrong) {
  Begin();
  AddWebAgent("web1", "h1.web.test", Skewed("+1230"));
  AddDnsAgent("dyn1", world_->bind().place(), {"r1.dyn.test"}, "", Skewed("+1230"));
  AddDnsAgent("dyn2", world_->bind().place(), {"r2.dyn.test"}, "", Skewed("-1230"));
  AddDnsAgent("dyn3", world_->bind().place(), {"r3.dyn.test"});
  // A lease of a quarter of an hour is over by that clock.
  ExpectTrouble("h1.web.test", AllOf(HasSubstr("agent web1"), HasSubstr("20 min ahead")));
  // A longer one is not: the DNS server minds (RFC 8945 5.2.3).
  ExpectTrouble("r1.dyn.test", AllOf(HasSubstr("agent dyn1"), HasSubstr(world_->bind().place()),
                                     HasSubstr("seconds behind this host's")));
  ExpectTrouble("r2.dyn.test", AllOf(HasSubstr("agent dyn2"), HasSubstr("20 min behind")));
  ExpectIssued(Create("r3.dyn.test"));
  EXPECT_EQ(Failures(), 0);
}

TEST_F(AgentTrouble, AWrongTsigKeyAndAForeignZone) {
  WorldOptions options;
  options.zones = {
      {.name = "away.dyn.test", .records = "_acme-challenge.www CNAME x.elsewhere.test.\n"}};
  Begin(options);
  const std::string wrong = world_->dir() + "/wrong.key";
  WriteAll(wrong, "YW5vdGhlciBzZWNyZXQgb2YgMzIgYnl0ZXMgLi4uLi4=\n", 0600);
  AddDnsAgent("dyn1", world_->bind().place(), {"r1.dyn.test"}, wrong);
  AddDnsAgent("dyn2", world_->bind().place(), {"r2.dyn.test", "www.away.dyn.test"});
  const std::string id = ExpectTrouble(
      "r1.dyn.test",
      AllOf(HasSubstr("agent dyn1"), HasSubstr("dyn."), HasSubstr(world_->bind().place())));
  ExpectTrouble("www.away.dyn.test",
                AllOf(HasSubstr("agent dyn2"),
                      HasSubstr("_acme-challenge.www.away.dyn.test -> x.elsewhere.test")));
  ExpectIssued(Create("r2.dyn.test"));
  // The key is corrected.
  WriteAll(wrong, ReadAll(world_->TsigKeyFile()), 0600);
  norroy().agent("dyn1").Signal(SIGTERM);
  norroy().agent("dyn1").Wait(absl::Seconds(10));
  norroy().StartAgent("dyn1");
  ExpectItGoesOn(id);
  EXPECT_EQ(Failures(), 0);
}

// They say that they serve, and nothing is to be seen.
TEST_F(AgentTrouble, AgentsThatLie) {
  WorldOptions options;
  options.deployment.issuer = "preflight:\n  - names: [\".\"]\n    grade: gate\n";
  Begin(options);
  const std::string hook = world_->dir() + "/hook";
  WriteAll(hook, "#!/bin/sh\nexit 0\n", 0755);
  norroy().AddAgent("web1", {.patterns = {"h1.web.test"}, .http_port = world_->web_port(0)});
  norroy().AddAgent(
      "dyn1", {.patterns = {"r1.dyn.test"},
               .presenters = absl::StrCat(world_->AgentDns(), "exec_hook:\n  - argv:\n      - ",
                                          hook, "\n    zones:\n      - dyn.test\n"),
               .types = {"dns-01"}});
  AddDnsAgent("dyn2", world_->bind().place(), {"r2.dyn.test"});
  const std::string root = TempDir("empty");
  const auto nginx = ServeFiles(root, ".web.test");
  ExpectTrouble("h1.web.test", AllOf(HasSubstr("h1.web.test"), HasSubstr("404")));
  // What is not there may still come.
  const std::string waits = Create("r1.dyn.test");
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Show(waits), "preflight: r1.dyn.test"); }))
      << Show(waits);
  EXPECT_EQ(Told(), 0);
  ExpectIssued(Create("r2.dyn.test"));
  absl::SleepFor(absl::Seconds(5));
  EXPECT_EQ(Told(), 1);
  EXPECT_EQ(Step(waits), "PRESENTING");
  EXPECT_THAT(Show(waits), HasSubstr("r1.dyn.test"));
  EXPECT_EQ(Failures(), 0);
}

}  // namespace
}  // namespace norroy::harness
