// Ten hosts with certificates of less than a minute, each kept by `norroy sync --watch` and served
// by an nginx that is reloaded: through three renewals no handshake fails, and none shows a
// certificate that has ended.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/sync_served.h"
#include "common/sync/mutex.h"
#include "tests/e2e/sync_world.h"

namespace norroy::harness {
namespace {

constexpr int kHosts = 10;
constexpr int kRenewals = 3;
constexpr int kLifeSeconds = 40;

struct Host {
  std::string name;
  std::string address;
  std::string dir;
  int port = 0;
  std::unique_ptr<Process> nginx;
  std::unique_ptr<Process> sync;
};

// What the clients saw.
class Seen {
 public:
  void Handshake(int host, const absl::StatusOr<crypto::Certificate>& shown) {
    MutexLock lock(&mutex_);
    ++handshakes_;
    if (!shown.ok()) {
      failures_.push_back(absl::StrCat("host ", host, ": ", shown.status().message()));
    } else if (shown->not_after() < absl::Now()) {
      failures_.push_back(absl::StrCat("host ", host, " shows one that has ended"));
    } else {
      certificates_[host].insert(shown->fingerprint());
    }
  }
  size_t FewestCertificates() {
    MutexLock lock(&mutex_);
    size_t fewest = 1000;
    for (const auto& one : certificates_) fewest = std::min(fewest, one.size());
    return fewest;
  }
  std::vector<std::string> failures() {
    MutexLock lock(&mutex_);
    return failures_;
  }
  int handshakes() {
    MutexLock lock(&mutex_);
    return handshakes_;
  }

 private:
  Mutex mutex_;
  std::set<std::string> certificates_[kHosts] ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> failures_ ABSL_GUARDED_BY(mutex_);
  int handshakes_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(SyncLoad, TenHostsRenewUnderLoadWithoutAFailedHandshake) {
  SyncWorld world({.certificate_seconds = kLifeSeconds});
  std::vector<Host> hosts(kHosts);
  for (int i = 0; i < kHosts; ++i) {
    Host& host = hosts[i];
    host.name = absl::StrCat("host", i, ".example.test");
    host.address = absl::StrCat("127.0.0.", 10 + i);
    host.port = FreePort();
    host.dir = absl::StrCat(world.dir(), "/host", i);
    mkdir(host.dir.c_str(), 0755);
    const std::string entry = absl::StrCat("certificates:\n  - domains: [", host.name, "]\n");
    const std::string nginx = host.dir + "/nginx";
    WriteAll(host.dir + "/first.yaml", world.Preamble(host.dir + "/state") + entry);
    WriteAll(host.dir + "/sync.yaml",
             absl::StrCat(world.Preamble(host.dir + "/state"), entry,
                          "    deploy_hooks:\n      - argv: [/usr/sbin/nginx, -e, ", nginx,
                          "/err, -c, ", nginx, "/nginx.conf, -s, reload]\n    serve:\n",
                          "      - address: \"", host.address, ":", host.port, "\"\n"));
  }
  std::vector<std::thread> first;
  for (Host& host : hosts) {
    first.emplace_back([&host] {
      const Output output = SyncWorld::Run({"sync", "--config", host.dir + "/first.yaml"});
      EXPECT_EQ(output.code, 0) << output.err;
    });
  }
  for (std::thread& thread : first) thread.join();
  for (Host& host : hosts) {
    const std::string live = absl::StrCat(host.dir, "/state/live/", host.name);
    host.nginx = StartReloadableNginx(
        host.dir + "/nginx",
        absl::StrCat("  server { listen ", host.address, ":", host.port, " ssl; ssl_certificate ",
                     live, "/fullchain.pem; ssl_certificate_key ", live, "/privkey.pem; }\n"));
    host.sync =
        Process::Start(SyncWorld::Argv({"sync", "--config", host.dir + "/sync.yaml", "--watch"}),
                       host.dir + "/sync.log", {"HOME=/nonexistent"});
  }
  const auto show = [&hosts](int i) {
    return cli::ServedCertificate(
        {{hosts[i].address, hosts[i].port}, hosts[i].name, false, absl::Seconds(10)},
        absl::Seconds(10));
  };
  for (int i = 0; i < kHosts; ++i) {
    ASSERT_TRUE(Eventually([&] { return show(i).ok(); })) << ReadAll(hosts[i].dir + "/nginx/err");
  }
  Seen seen;
  std::atomic<bool> stop = false;
  std::vector<std::thread> clients;
  for (int client = 0; client < 2; ++client) {
    clients.emplace_back([&, client] {
      for (int i = client; !stop; i = (i + 1) % kHosts) {
        seen.Handshake(i, show(i));
        absl::SleepFor(absl::Milliseconds(10));
      }
    });
  }
  const bool renewed = Eventually([&] { return seen.FewestCertificates() > kRenewals; },
                                  absl::Seconds(4 * kLifeSeconds));
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(renewed) << "fewest: " << seen.FewestCertificates() << "\n"
                       << ReadAll(hosts[0].dir + "/sync.log") << world.norroy().Logs();
  EXPECT_THAT(seen.failures(), ::testing::IsEmpty());
  std::printf("%d handshakes, %zu failed\n", seen.handshakes(), seen.failures().size());
  EXPECT_GT(seen.handshakes(), 1000);
}

}  // namespace
}  // namespace norroy::harness
