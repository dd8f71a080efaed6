// `norroy doctor` tells people's troubles apart, each with its own words, and passes a healthy
// name.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/e2e/challenge_world.h"
#include "tests/harness/nginx.h"

namespace norroy::harness {
namespace {

constexpr char kSecondServer[] = "127.0.0.6";

// One trouble: a name, and what the doctor must call it.
struct Trouble {
  std::string name;
  std::string code;     // "" for a healthy name
  std::string address;  // of the name; "" for what is proved by DNS
  // nginx at that address: what it does with a probe; "" if something else (or nothing) is there.
  std::string location;
};

constexpr char kPass[] = "proxy_pass @AGENT@; proxy_set_header Host $host;";

std::vector<Trouble> Troubles() {
  return {
      {"healthy.doc.test", "", "127.0.0.20", kPass},
      {"closed.doc.test", "PORT_CLOSED", "127.0.0.30", ""},
      {"filtered.doc.test", "PORT_FILTERED", "127.0.0.31", ""},
      {"six.doc.test", "IPV6_FAILS", "127.0.0.20", ""},
      {"vhost.doc.test", "NOT_FOUND", "127.0.0.21", "return 404 'another site';"},
      {"login.doc.test", "REDIRECT_LOGIN", "127.0.0.22", "return 302 /login;"},
      {"loop.doc.test", "REDIRECT_LOOP", "127.0.0.23", "return 302 http://$http_host$uri;"},
      {"rewritten.doc.test", "AGENT_HAS_NO_ANSWER", "127.0.0.24", "proxy_pass @AGENT@;"},
      {"forbidden.doc.test", "FORBIDDEN", "127.0.0.25", "deny all;"},
      {"backends.doc.test", "SOME_BACKENDS_FAIL", "127.0.0.32", ""},
      {"caa.doc.test", "CAA_FORBIDS", "127.0.0.20", ""},
      {"account.doc.test", "CAA_ACCOUNT", "127.0.0.20", ""},
      {"late.doc.test", "CLOCK_SKEW", "127.0.0.20", ""},
      {"txt.doc.test", "", "", ""},
      {"circle.doc.test", "CNAME_LOOP", "", ""},
      {"foreign.doc.test", "FOREIGN_ZONE", "", ""},
      {"www.lag.test", "LAGGING_SERVER", "", ""},
      {"www.lame.test", "LAME_SERVER", "", ""},
      {"www.bogus.test", "DNSSEC_BOGUS", "", ""},
  };
}

// An address whose queue of connections is full: further ones get no answer, as behind a firewall.
class FullQueue {
 public:
  FullQueue(const std::string& address, int port) {
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(inet_pton(AF_INET, address.c_str(), &where.sin_addr), 1);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof(where)), 0);
    EXPECT_EQ(listen(listener_, 0), 0);
    for (int& fd : fillers_) {
      fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof(where));
    }
  }
  ~FullQueue() {
    for (const int fd : fillers_) close(fd);
    close(listener_);
  }
  FullQueue(const FullQueue&) = delete;
  FullQueue& operator=(const FullQueue&) = delete;

 private:
  int listener_ = -1;
  int fillers_[4] = {-1, -1, -1, -1};
};

std::string DocRecords() {
  std::string text;
  for (const Trouble& trouble : Troubles()) {
    if (trouble.address.empty()) continue;
    absl::StrAppend(&text, trouble.name, ". A ", trouble.address, "\n");
  }
  return absl::StrCat(text,
                      "six AAAA ::1\n"
                      "caa CAA 0 issue \"other-ca.test\"\n"
                      "account CAA 0 issue \"ca.test; accounturi=https://ca.test/acct/1\"\n"
                      "_acme-challenge.circle CNAME circle2\n"
                      "circle2 CNAME _acme-challenge.circle\n"
                      "_acme-challenge.foreign CNAME foreign.elsewhere.test.\n");
}

std::string TwoServers() {
  return absl::StrCat("@ NS second\nsecond A ", kSecondServer, "\nwww A 127.0.0.1\n");
}

BindZone Dynamic(const std::string& zone, const std::string& records) {
  return {.name = zone,
          .records = records,
          .update_policy = absl::StrCat("grant dyn subdomain ", zone, ". TXT;")};
}

class Doctor : public ::testing::Test {
 protected:
  Doctor() {
    WorldOptions options;
    options.zones = {Dynamic("doc.test", DocRecords()), Dynamic("lag.test", TwoServers()),
                     Dynamic("lame.test", TwoServers())};
    options.forwards = {{"bogus.test", kSecondServer}};
    // A key that bogus.test, which is unsigned, does not have.
    options.bind_options = "dnssec-validation yes;";
    options.bind_statements = absl::StrCat("trust-anchors { bogus.test. static-ds 12345 13 2 \"",
                                           std::string(64, 'A'), "\"; };");
    options.deployment.caa_identities = {"ca.test"};
    world_ = std::make_unique<ChallengeWorld>("doctor", options);
    // Lags for lag.test, has never heard of lame.test.
    second_ = PowerDns::Start(world_->dir(), {.address = kSecondServer,
                                              .dns_port = world_->dns_port(),
                                              .zones = {"lag.test", "bogus.test"},
                                              .records = {{"lag.test.", "NS", "ns.lag.test."},
                                                          {"lag.test.", "NS", "second.lag.test."},
                                                          {"bogus.test.", "NS", "ns.bogus.test."},
                                                          {"ns.bogus.test.", "A", kSecondServer}},
                                              .settings = {"--cache-ttl=0", "--query-cache-ttl=0",
                                                           "--negquery-cache-ttl=0"}});
    StartSites();
    AddAgents();
  }

  void StartSites() {
    const std::string port = absl::StrCat(":", world_->http_port());
    const std::string agent = absl::StrCat("http://127.0.0.1:", world_->web_port(0));
    std::string http = absl::StrCat("  server { listen [::1]", port,
                                    "; location / { return 404 'the old host'; } }\n");
    for (const Trouble& trouble : Troubles()) {
      if (trouble.location.empty()) continue;
      absl::StrAppend(&http, "  server { listen ", trouble.address, port,
                      "; location /.well-known/acme-challenge/ { ",
                      absl::StrReplaceAll(trouble.location, {{"@AGENT@", agent}}),
                      " } location /login { default_type text/html; return 200 "
                      "'<html>who are you?</html>'; } }\n");
    }
    nginx_ = StartNginx(world_->dir() + "/nginx", http);
    filtered_ = std::make_unique<FullQueue>("127.0.0.31", world_->http_port());
    // One backend is the agent's, the other a host without one.
    WriteAll(world_->dir() + "/backends.cfg",
             absl::StrCat("defaults\n  mode http\n  timeout connect 2s\n  timeout client 5s\n"
                          "  timeout server 5s\nlisten web\n  bind 127.0.0.32",
                          port, "\n  balance roundrobin\n  server a 127.0.0.1:",
                          world_->web_port(0), "\n  server b 127.0.0.21", port, "\n"));
    haproxy_ = Process::Start({"/usr/sbin/haproxy", "-db", "-f", world_->dir() + "/backends.cfg"},
                              world_->dir() + "/backends.log");
  }

  void AddAgents() {
    std::vector<std::string> by_http, by_dns;
    for (const Trouble& trouble : Troubles()) {
      if (trouble.name == "late.doc.test") continue;
      (trouble.address.empty() ? by_dns : by_http).push_back(trouble.name);
    }
    Deployment& norroy = world_->norroy();
    norroy.AddAgent("web1", {.patterns = by_http, .http_port = world_->web_port(0)});
    const std::string api_key_file = world_->dir() + "/second.key";
    WriteAll(api_key_file, PowerDns::kApiKey, 0600);
    norroy.AddAgent("dns1",
                    {.patterns = by_dns,
                     .presenters = absl::StrCat(
                         world_->AgentDns(), "rfc2136:\n  - server: ", world_->bind().place(),
                         "\n    key_name: dyn\n    key_file: ", world_->TsigKeyFile(),
                         "\n    zones:\n      - doc.test\n      - lag.test\n      - lame.test\n"
                         "powerdns:\n  - url: ",
                         second_->url(), "\n    api_key_file: ", api_key_file,
                         "\n    zones:\n      - bogus.test\n"),
                     .types = {"dns-01"}});
    norroy.AddAgent("late1", {.patterns = {"late.doc.test"},
                              .http_port = FreePort(),
                              .prefix = {"/usr/bin/env", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                                         "/usr/bin/faketime", "-f", "+20m"}});
  }

  std::unique_ptr<ChallengeWorld> world_;
  std::unique_ptr<PowerDns> second_;
  std::unique_ptr<Process> nginx_;
  std::unique_ptr<Process> haproxy_;
  std::unique_ptr<FullQueue> filtered_;
};

// The first that is said of a name and is no mere information: its code and its words.
struct Said {
  std::string code;
  std::string text;
};

Said FirstTrouble(const std::string& json, const std::string& rehearsal) {
  std::vector<std::string> lists = {rehearsal + ".findings"};
  for (int view = 0; view < 4; ++view) {
    lists.push_back(absl::StrCat(rehearsal, ".views.", view, ".findings"));
  }
  for (const std::string& list : lists) {
    for (int i = 0; i < 8; ++i) {
      const std::string finding = absl::StrCat(list, ".", i);
      const std::string severity = Deployment::Field(json, finding + ".severity");
      if (severity != "SEVERITY_ERROR" && severity != "SEVERITY_WARNING") continue;
      return {Deployment::Field(json, finding + ".code"),
              absl::StrCat(Deployment::Field(json, finding + ".message"), " ",
                           Deployment::Field(json, finding + ".advice"))};
    }
  }
  return {};
}

TEST_F(Doctor, TellsTroublesApart) {
  std::vector<std::string> command = {"doctor", "-o", "json"};
  for (const Trouble& trouble : Troubles()) command.push_back(trouble.name);
  const Output output = world_->norroy().Cli(command, absl::Seconds(120));
  EXPECT_EQ(output.code, 1) << output.err << world_->norroy().Logs();
  std::set<std::string> texts;
  const std::vector<Trouble> troubles = Troubles();
  for (size_t i = 0; i < troubles.size(); ++i) {
    const std::string rehearsal = absl::StrCat("rehearsals.", i);
    const Trouble& trouble = troubles[i];
    EXPECT_EQ(Deployment::Field(output.out, rehearsal + ".name"), trouble.name);
    const Said said = FirstTrouble(output.out, rehearsal);
    EXPECT_EQ(said.code, trouble.code) << Deployment::Field(output.out, rehearsal);
    const std::string verdict = Deployment::Field(output.out, rehearsal + ".verdict");
    if (trouble.code.empty()) {
      EXPECT_EQ(verdict, "VERDICT_PASS") << Deployment::Field(output.out, rehearsal);
      continue;
    }
    EXPECT_NE(verdict, "VERDICT_PASS") << trouble.name;
    EXPECT_GT(said.text.size(), 30u) << trouble.name;
    EXPECT_TRUE(texts.insert(absl::StrReplaceAll(said.text, {{trouble.name, ""}})).second)
        << said.text;
  }
  // A rehearsal leaves nothing behind and asks the CA for nothing.
  for (const char* agent : {"web1", "dns1", "late1"}) {
    EXPECT_TRUE(Eventually([&] { return world_->norroy().Presented(agent) == 0; })) << agent;
  }
  EXPECT_EQ(world_->pebble().LogCount("POST /order-plz"), 0);
}

TEST_F(Doctor, PassesAHealthyName) {
  const Output output = world_->norroy().Cli({"doctor", "healthy.doc.test", "txt.doc.test"});
  EXPECT_EQ(output.code, 0) << output.out << output.err << world_->norroy().Logs();
  EXPECT_THAT(output.out, ::testing::HasSubstr("pass"));
}

}  // namespace
}  // namespace norroy::harness
