// `norroy sync` and four servers that people run, configured by the very files of deploy/examples:
// certificates are made, renewed, loaded and seen in service.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/sync_served.h"
#include "tests/e2e/sync_world.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

using Values = std::map<std::string, std::string>;

std::string FillIn(const std::string& example, const Values& values) {
  std::string text;
  for (const absl::string_view line :
       absl::StrSplit(ReadAll(Runfile(absl::StrCat("deploy/examples/", example))), '\n')) {
    if (!absl::StartsWith(line, "#")) absl::StrAppend(&text, line, "\n");
  }
  EXPECT_FALSE(text.empty()) << example;
  for (const auto& [name, value] : values) {
    text = absl::StrReplaceAll(text, {{absl::StrCat("@", name, "@"), value}});
  }
  EXPECT_EQ(text.find('@'), std::string::npos) << text;
  return text;
}

// "" if nobody serves one there.
std::string Served(int port, const std::string& name, bool smtp = false) {
  const auto shown =
      cli::ServedCertificate({{"127.0.0.1", port}, name, smtp, absl::Seconds(5)}, absl::Seconds(5));
  return shown.ok() ? shown->fingerprint() : "";
}

class SyncTest : public ::testing::Test {
 protected:
  std::string state() const { return world_.dir() + "/sync"; }
  std::string config() const { return world_.dir() + "/sync.yaml"; }
  std::string Live(const std::string& name) const { return absl::StrCat(state(), "/live/", name); }
  Output Sync(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"sync", "--config", config(), "-o", "json"});
    return SyncWorld::Run(words);
  }
  // A field of one certificate's entry in the output of sync or sync status.
  static std::string Field(const Output& output, int index, const std::string& field) {
    return Deployment::Field(output.out, absl::StrCat(index, ".", field));
  }

  SyncWorld world_;
};

TEST_F(SyncTest, FourServersServeWhatItKeeps) {
  for (const char* program : {"/usr/sbin/nginx", "/usr/sbin/apache2", "/usr/sbin/haproxy"}) {
    if (access(program, X_OK) != 0) GTEST_SKIP() << program << " is not installed";
  }
  // Postfix is run by root alone, and its processes become its own user.
  const bool postfix = geteuid() == 0 && access("/usr/sbin/postfix", X_OK) == 0;
  const int nginx_port = FreePort();
  const int apache_port = FreePort();
  const int haproxy_port = FreePort();
  const int smtp_port = FreePort();
  const auto address = [](int port) { return absl::StrCat("127.0.0.1:", port); };
  const std::string& dir = world_.dir();
  std::string mail = "/tmp/norroy-postfix-XXXXXX";
  ASSERT_NE(mkdtemp(mail.data()), nullptr);

  WriteAll(dir + "/reload",
           absl::StrCat("#!/bin/sh\ncase \"$1\" in\n", "nginx) exec /usr/sbin/nginx -e stderr -c ",
                        dir, "/nginx/nginx.conf -s reload ;;\n",
                        "apache2) exec /usr/sbin/apache2 -f ", dir, "/httpd.conf -k graceful ;;\n",
                        "haproxy) kill -USR2 \"$(cat ", dir, "/haproxy.pid)\" ;;\n",
                        "postfix) exec /usr/sbin/postfix -c ", mail, " reload ;;\nesac\n"),
           0755);
  std::string yaml = FillIn("sync/sync.yaml", {{"ISSUER", world_.norroy().issuer_address()},
                                               {"IDENTITY", world_.identity_file()},
                                               {"CORE_ROOT", world_.core_root_file()},
                                               {"STATE", state()},
                                               {"DOMAIN", "example.test"},
                                               {"RELOAD", dir + "/reload"},
                                               {"NGINX", address(nginx_port)},
                                               {"APACHE", address(apache_port)},
                                               {"HAPROXY", address(haproxy_port)},
                                               {"POSTFIX", address(smtp_port)}});
  // The agent answers for names below example.test.
  yaml = absl::StrReplaceAll(yaml, {{", \"example.test\"]", ", a.example.test]"}});
  if (!postfix) {
    std::printf("did not run Postfix: it is not installed, or this is not root\n");
    yaml.resize(yaml.find("  - domains: [mail."));
  }
  WriteAll(config(), yaml);

  // The first time there is no server yet: they do not start without the files.
  const Output first = Sync();
  EXPECT_EQ(first.code, 1) << first.err;
  const int count = postfix ? 4 : 3;
  std::vector<std::string> fingerprints;
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(Field(first, i, "outcome"), "SYNC_OUTCOME_NOT_SERVED") << first.out;
    fingerprints.push_back(Field(first, i, "fingerprint"));
  }

  const auto nginx = StartReloadableNginx(
      dir + "/nginx", FillIn("nginx/tls-sync.conf", {{"TLS", address(nginx_port)},
                                                     {"NAME", "www.example.test"},
                                                     {"LIVE", Live("www.example.test")},
                                                     {"SITE", dir}}));
  std::string httpd =
      absl::StrCat("ServerRoot ", dir, "\nPidFile ", dir, "/httpd.pid\nErrorLog ", dir,
                   "/httpd.log\nServerName 127.0.0.1\nListen ", address(apache_port), "\n");
  if (geteuid() == 0) httpd += "User www-data\nGroup www-data\n";
  for (const std::string module : {"mpm_event", "authz_core", "ssl"}) {
    absl::StrAppend(&httpd, "LoadModule ", module, "_module /usr/lib/apache2/modules/mod_", module,
                    ".so\n");
  }
  WriteAll(dir + "/httpd.conf",
           httpd + FillIn("apache/tls-sync.conf", {{"TLS", address(apache_port)},
                                                   {"NAME", "apache.example.test"},
                                                   {"LIVE", Live("apache.example.test")},
                                                   {"SITE", dir}}));
  const auto apache = Process::Start(
      {"/usr/sbin/apache2", "-DFOREGROUND", "-f", dir + "/httpd.conf"}, dir + "/httpd.log");
  WriteAll(dir + "/haproxy.cfg",
           "global\n    maxconn 100\ndefaults\n    timeout connect 5s\n    timeout client 10s\n"
           "    timeout server 10s\n" +
               FillIn("haproxy/tls-sync.cfg",
                      {{"TLS", address(haproxy_port)}, {"LIVE", Live("haproxy.example.test")}}));
  const auto haproxy = Process::Start(
      {"/usr/sbin/haproxy", "-W", "-db", "-p", dir + "/haproxy.pid", "-f", dir + "/haproxy.cfg"},
      dir + "/haproxy.log");
  std::unique_ptr<Process> master;
  if (postfix) {
    chmod(mail.c_str(), 0755);
    std::filesystem::create_directory(mail + "/spool");
    std::filesystem::create_directory(mail + "/data");
    RunProgram({"chown", "postfix", mail + "/data"});
    WriteAll(mail + "/main.cf",
             absl::StrCat("compatibility_level = 3.6\nqueue_directory = ", mail,
                          "/spool\ndata_directory = ", mail,
                          "/data\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n"
                          "myhostname = mail.example.test\nmaillog_file_prefixes = ",
                          mail, "\nmaillog_file = ", mail, "/log\n",
                          FillIn("postfix/tls-sync.cf", {{"LIVE", Live("mail.example.test")}})));
    WriteAll(mail + "/master.cf",
             absl::StrCat(address(smtp_port),
                          " inet n - n - - smtpd\ntlsmgr unix - - n 1000? 1 tlsmgr\n"
                          "anvil unix - - n - 1 anvil\nrewrite unix - - n - - trivial-rewrite\n"
                          "proxymap unix - - n - - proxymap\n"
                          "postlog unix-dgram n - n - 1 postlogd\n"));
    master = Process::Start({"/usr/sbin/postfix", "-c", mail, "start-fg"}, mail + "/start.log");
  }
  const std::string www = "www.example.test";
  EXPECT_TRUE(Eventually([&] { return Served(nginx_port, www) == fingerprints[0]; }))
      << ReadAll(dir + "/nginx/err");
  EXPECT_TRUE(Eventually([&] { return Served(apache_port, "") == fingerprints[1]; }))
      << ReadAll(dir + "/httpd.log");
  EXPECT_TRUE(Eventually([&] { return Served(haproxy_port, "") == fingerprints[2]; }))
      << ReadAll(dir + "/haproxy.log");
  if (postfix) {
    EXPECT_TRUE(Eventually([&] { return Served(smtp_port, "", true) == fingerprints[3]; }))
        << ReadAll(mail + "/start.log") << ReadAll(mail + "/log");
  }

  // All are renewed, reloaded and seen in service.
  std::vector<std::string> force;
  for (const std::string name : {"www", "apache", "haproxy", "mail"}) {
    if (name != "mail" || postfix) force.insert(force.end(), {"--force", name + ".example.test"});
  }
  const Output renewed = Sync(force);
  EXPECT_EQ(renewed.code, 0) << renewed.err << ReadAll(mail + "/log");
  const std::vector<int> ports = {nginx_port, apache_port, haproxy_port, smtp_port};
  for (int i = 0; i < count; ++i) {
    const std::string fingerprint = Field(renewed, i, "fingerprint");
    EXPECT_NE(fingerprint, fingerprints[i]);
    EXPECT_EQ(Field(renewed, i, "outcome"), "SYNC_OUTCOME_INSTALLED");
    EXPECT_EQ(Field(renewed, i, "servedFingerprint"), fingerprint);
    EXPECT_EQ(Served(ports[i], i == 0 ? www : "", i == 3), fingerprint);
  }
  const Output idle = Sync();
  EXPECT_EQ(idle.code, 0) << idle.err;
  EXPECT_EQ(Field(idle, 0, "outcome"), "SYNC_OUTCOME_CURRENT");
  EXPECT_EQ(SyncWorld::Run({"sync", "status", "--config", config()}).code, 0);
  EXPECT_EQ(world_.pebble().LogCount("Issued certificate"), 2 * count);

  // Issued but not in service is not done: nginx is not told, and sync says so.
  WriteAll(dir + "/reload", "#!/bin/sh\nexit 0\n", 0755);
  WriteAll(config(), absl::StrReplaceAll(yaml, {{absl::StrCat("\"", address(nginx_port), "\""),
                                                 absl::StrCat("\"", address(nginx_port),
                                                              "\"\n        timeout_seconds: 1")}}));
  const Output stale = Sync({"--force", www});
  EXPECT_EQ(stale.code, 1);
  EXPECT_THAT(stale.err, HasSubstr("serves another certificate"));
  const Output status = SyncWorld::Run({"sync", "status", "--config", config()});
  EXPECT_EQ(status.code, 1);
  EXPECT_THAT(status.err, HasSubstr("not as they should be: www.example.test"));
  if (master != nullptr) {
    RunProgram({"/usr/sbin/postfix", "-c", mail, "stop"});
    master->Wait(absl::Seconds(20));
  }
  std::filesystem::remove_all(mail);
}

// Killed at any moment, key and certificate match, and the next run takes up the order.
TEST_F(SyncTest, KilledRunsAreTakenUp) {
  WriteAll(config(), world_.Preamble(state()) + "certificates:\n  - domains: [www.example.test]\n");
  constexpr int kKills = 12;
  for (int i = 0; i < kKills; ++i) {
    const auto run = Process::Start(
        SyncWorld::Argv({"sync", "--config", config(), "--force", "www.example.test"}),
        world_.dir() + "/run.log", {"HOME=/nonexistent"});
    run->Wait(absl::Milliseconds(60 * i));
    run->Signal(SIGKILL);
    run->Wait(absl::Seconds(10));
    const std::string live = Live("www.example.test");
    if (access((live + "/cert.pem").c_str(), F_OK) != 0) continue;
    const Output cert =
        RunProgram({"openssl", "x509", "-in", live + "/fullchain.pem", "-noout", "-pubkey"});
    const Output key = RunProgram({"openssl", "pkey", "-in", live + "/privkey.pem", "-pubout"});
    EXPECT_EQ(cert.out, key.out) << "killed after " << 60 * i << " ms";
  }
  const Output last = Sync();
  EXPECT_EQ(last.code, 0) << last.err;
  const Output identity = RunProgram(
      {"find", state(), "-type", "f", "-name", "*.pem", "-path", "*priv*", "-perm", "/077"});
  EXPECT_EQ(identity.out, "");
}

}  // namespace
}  // namespace norroy::harness
