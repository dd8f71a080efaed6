// Several agents for a name, and agents beside a web server.

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "tests/harness/deployment.h"
#include "tests/harness/nginx.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

int FilesIn(const std::string& path) {
  DIR* const dir = opendir(path.c_str());
  if (dir == nullptr) return 0;
  int count = 0;
  while (const dirent* entry = readdir(dir)) count += entry->d_name[0] != '.';
  closedir(dir);
  return count;
}

TEST(Agents, WebrootUnderNginx) {
  const std::string dir = TempDir("webroot");
  const int http_port = FreePort();
  const std::string root = dir + "/www";
  mkdir(root.c_str(), 0755);
  const auto nginx =
      StartNginx(dir + "/nginx",
                 absl::StrCat("  server { listen 127.0.0.1:", http_port, "; root ", root, "; }\n"));
  const auto pebble = Pebble::Start(dir, {.http_port = http_port, .authz_reuse_percent = 0});
  const auto norroy = Deployment::Start(dir, *pebble);
  norroy->AddAgent("web1", {.patterns = {".example.test"}, .webroot = root});
  norroy->CliOk({"issue", "www.example.test", "static.example.test"});
  EXPECT_TRUE(Eventually([&] { return norroy->Presented("web1") == 0; }));
  EXPECT_TRUE(Eventually([&] { return FilesIn(root + "/.well-known/acme-challenge") == 0; }));
}

std::unique_ptr<Process> StartBalancer(const std::string& dir, int http_port,
                                       const std::vector<int>& hosts) {
  std::string upstream;
  for (const int host : hosts) {
    absl::StrAppend(&upstream, " server 127.0.0.1:", host, " max_fails=0;");
  }
  return StartNginx(
      dir + "/nginx",
      absl::StrCat("  upstream hosts {", upstream, " }\n  server { listen 127.0.0.1:", http_port,
                   "; location / { proxy_pass http://hosts; proxy_set_header Host $host; "
                   "proxy_next_upstream off; } }\n"));
}

// Two hosts behind one balancer: any of them may be asked, so both must serve.
TEST(Agents, TwoForOneNameBehindABalancer) {
  const std::string dir = TempDir("balancer");
  const int http_port = FreePort();
  const int ports[] = {FreePort(), FreePort()};
  std::unique_ptr<Process> nginx = StartBalancer(dir, http_port, {ports[0], ports[1]});
  const auto pebble = Pebble::Start(dir, {.http_port = http_port, .authz_reuse_percent = 0});
  const auto norroy = Deployment::Start(dir, *pebble);
  norroy->AddAgent("web1", {.patterns = {"www.example.test"}, .http_port = ports[0]});
  norroy->AddAgent("web2", {.patterns = {"www.example.test"}, .http_port = ports[1]});
  norroy->CliOk({"issue", "www.example.test"});

  // One is down: the order waits for it by name, and the CA hears nothing.
  norroy->agent("web2").Signal(SIGTERM);
  EXPECT_EQ(norroy->agent("web2").Wait(absl::Seconds(10)), 0);
  EXPECT_TRUE(Eventually([&] { return !norroy->IsAttached("web2"); }));
  const int orders = pebble->LogCount("POST /order-plz");
  const Output waiting = norroy->Cli({"issue", "www.example.test", "--timeout", "5s"});
  EXPECT_EQ(waiting.code, 6) << waiting.err;
  EXPECT_THAT(waiting.err, HasSubstr("web2"));
  EXPECT_EQ(pebble->LogCount("POST /order-plz"), orders);

  // Its host gets no traffic, says the operator: the other one is enough for the waiting order.
  nginx.reset();
  nginx = StartBalancer(dir, http_port, {ports[0]});
  norroy->CliOk({"agent", "drain", "web2"});
  EXPECT_TRUE(Eventually(
      [&] {
        const std::string list = norroy->CliOk({"order", "list", "-o", "json"});
        return Deployment::Field(list, "0.state") == "ORDER_STATE_VALID";
      },
      absl::Seconds(60)))
      << norroy->Logs();
}

TEST(Agents, OutOfScopeIsTheAgentsOwnDecision) {
  const std::string dir = TempDir("scope");
  const int http_port = FreePort();
  const auto pebble = Pebble::Start(dir, {.http_port = http_port, .authz_reuse_percent = 0});
  const auto norroy = Deployment::Start(dir, *pebble);
  norroy->AddAgent("web1", {.patterns = {"www.example.test"}, .http_port = http_port});
  const Output refused = norroy->Cli({"issue", "other.example.test", "--timeout", "10s"});
  EXPECT_EQ(refused.code, 1) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("no agent may answer for other.example.test"));
}

}  // namespace
}  // namespace norroy::harness
