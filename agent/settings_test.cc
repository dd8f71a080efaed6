#include "agent/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

// The configuration's folder.
std::string Folder() {
  static const std::string folder = [] {
    const std::string path = absl::StrCat(absl::StripSuffix(testing::TempDir(), "/"), "/settings");
    EXPECT_TRUE(std::filesystem::create_directories(path) || std::filesystem::exists(path));
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
    return path;
  }();
  return folder;
}

void Write(const std::string& name, const std::string& text, mode_t mode) {
  const std::string path = absl::StrCat(Folder(), "/", name);
  std::ofstream(path, std::ios::trunc) << text;
  ASSERT_EQ(chmod(path.c_str(), mode), 0);
}

absl::StatusOr<Settings> Load(const std::string& yaml, mode_t mode = 0640) {
  Write("agent.yaml", yaml, mode);
  return LoadSettings(absl::StrCat(Folder(), "/agent.yaml"));
}

constexpr char kSecret[] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";  // 32 bytes

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    Write("tsig.key", kSecret, 0600);
    Write("open.key", kSecret, 0644);
    Write("short.key", "c2hvcnQ=", 0600);
    Write("statement.key", "key \"norroy\" { secret \"x\"; };", 0600);
    Write("empty.key", "\n", 0600);
    Write("pdns.key", "changeme\n", 0600);
  }
};

TEST_F(SettingsTest, ReadsEverything) {
  const auto settings = Load(
      "state_dir: state\n"
      "validators: [\"192.0.2.1:7443\", \"[2001:db8::1]:7443\"]\n"
      "http_listener:\n"
      "  listen: [\"127.0.0.1:8080\"]\n"
      "  match: token\n"
      "  accept_hosts: [health.example.net]\n"
      "webroot:\n"
      "  directory: /var/www/html\n"
      "log:\n"
      "  level: debug\n"
      "  format: json\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->state_dir, absl::StrCat(Folder(), "/state"));
  EXPECT_EQ(settings->validators.size(), 2u);
  ASSERT_TRUE(settings->http_listener.has_value());
  EXPECT_TRUE(settings->http_listener->match_token);
  EXPECT_EQ(settings->http_listener->accept_hosts.size(), 1u);
  EXPECT_EQ(settings->webroot, "/var/www/html");
  EXPECT_EQ(settings->log_level, log::Level::kDebug);
  EXPECT_EQ(settings->log_format, log::Format::kJson);
}

TEST_F(SettingsTest, ReadsEveryPresenter) {
  const auto settings = Load(
      "state_dir: state\n"
      "http_listener:\n"
      "  listen: [\"fd:http\"]\n"
      "webroot:\n"
      "  directory: /var/www/html\n"
      "tls_alpn:\n"
      "  listen: [\"0.0.0.0:443\"]\n"
      "dns:\n"
      "  resolvers: [\"192.0.2.53\", \"[2001:db8::53]:5353\"]\n"
      "delegated_zone:\n"
      "  zone: acme.example.net\n"
      "  listen: [\"0.0.0.0:53\"]\n"
      "  name_servers: [agent1.example.net]\n"
      "rfc2136:\n"
      "  - server: 192.0.2.1\n"
      "    zones: [a.example.net, B.example.net.]\n"
      "    key_name: norroy\n"
      "    algorithm: hmac_sha512\n"
      "    key_file: tsig.key\n"
      "    ttl_seconds: 30\n"
      "  - server: \"192.0.2.2:5353\"\n"
      "    zones: [c.example.net]\n"
      "    key_name: norroy\n"
      "    key_file: tsig.key\n"
      "powerdns:\n"
      "  - url: http://127.0.0.1:8081\n"
      "    api_key_file: pdns.key\n"
      "    zones: [d.example.net]\n"
      "exec_hook:\n"
      "  - argv: [/bin/true, x]\n"
      "    zones: [e.example.net]\n"
      "    environment: [\"A=b\"]\n"
      "    timeout_seconds: 20\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->resolvers.size(), 2u);
  ASSERT_EQ(settings->rfc2136.size(), 2u);
  EXPECT_EQ(settings->rfc2136[0].key.algorithm, dns::TsigAlgorithm::kHmacSha512);
  EXPECT_EQ(settings->rfc2136[0].key.secret.Expose(), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(settings->rfc2136[0].ttl, 30u);
  EXPECT_EQ(settings->rfc2136[1].key.algorithm, dns::TsigAlgorithm::kHmacSha256);
  EXPECT_EQ(settings->rfc2136[1].ttl, 60u);
  EXPECT_EQ(settings->powerdns[0].api_key.Expose(), "changeme");
  EXPECT_EQ(settings->powerdns[0].server_id, "localhost");
  EXPECT_EQ(settings->exec_hooks[0].timeout, absl::Seconds(20));
  EXPECT_EQ(settings->delegated_zone->responses_per_second, 20);
  EXPECT_EQ(
      DescribePresenters(*settings),
      (std::vector<std::string>{
          "http-01 by http_listener at fd:http",
          "http-01 by webroot at /var/www/html",
          "tls-alpn-01 by tls_alpn at 0.0.0.0:443",
          "dns-01 by delegated_zone acme.example.net at 0.0.0.0:53; zones acme.example.net",
          "dns-01 by rfc2136 a.example.net at 192.0.2.1:53; zones a.example.net, "
          "b.example.net",
          "dns-01 by rfc2136 c.example.net at 192.0.2.2:5353; zones c.example.net",
          "dns-01 by powerdns d.example.net at http://127.0.0.1:8081; zones d.example.net",
          "dns-01 by exec_hook e.example.net at /bin/true with 1 argument; zones e.example.net",
      }));
}

TEST_F(SettingsTest, WhatTheDnsSectionsMustNotSay) {
  const std::string begin = "state_dir: s\ndns:\n  resolvers: [192.0.2.53]\n";
  const auto rfc2136 = [&](const std::string& zones, const std::string& key,
                           const std::string& more = "") {
    return absl::StrCat(begin,
                        "rfc2136:\n  - server: 192.0.2.1\n    key_name: n\n    zones: ", zones,
                        "\n    key_file: ", key, "\n", more);
  };
  std::string many;
  for (int i = 0; i < 33; ++i) {
    absl::StrAppend(&many, "  - server: 192.0.2.1\n    key_name: n\n    zones: [z", i,
                    ".example]\n    key_file: tsig.key\n");
  }
  const struct {
    const char* what;
    std::string yaml;
    const char* message;
    const char* reason = "BAD_CONFIG";
  } cases[] = {
      {"no zones", rfc2136("[]", "tsig.key"), "rfc2136[0]: zones"},
      {"the root", rfc2136("[\".\"]", "tsig.key"), "one zone"},
      {"a wildcard", rfc2136("[\"*.example.net\"]", "tsig.key"), "one zone"},
      {"no name", rfc2136("[\"a b\"]", "tsig.key"), "zones"},
      {"a zone twice", rfc2136("[a.example, A.example.]", "tsig.key"), "twice"},
      {"two of one name",
       rfc2136("[a.example]", "tsig.key",
               "  - server: 192.0.2.9\n    key_name: n\n    zones: [a.example]\n"
               "    key_file: tsig.key\n"),
       "rfc2136[0] and [1]"},
      {"a key for all to read", rfc2136("[a.example]", "open.key"), "chmod 600", "UNSAFE_FILE"},
      {"no key", rfc2136("[a.example]", "none.key"), "none.key", ""},
      {"a short key", rfc2136("[a.example]", "short.key"), "16 to"},
      {"a whole statement", rfc2136("[a.example]", "statement.key"), "base64"},
      {"an empty key", rfc2136("[a.example]", "empty.key"), "is empty"},
      {"an old algorithm", rfc2136("[a.example]", "tsig.key", "    algorithm: hmac_md5\n"),
       "hmac_md5"},
      {"a server by name",
       absl::StrCat(begin,
                    "rfc2136:\n  - server: ns.example\n    key_name: n\n"
                    "    zones: [a.example]\n    key_file: tsig.key\n"),
       "ns.example"},
      {"too many", absl::StrCat(begin, "rfc2136:\n", many), "at most 32"},
      {"plain http to elsewhere",
       absl::StrCat(begin,
                    "powerdns:\n  - url: http://192.0.2.1:8081\n    api_key_file: pdns.key\n"
                    "    zones: [a.example]\n"),
       "powerdns[0]"},
      {"a hook by relative path",
       absl::StrCat(begin, "exec_hook:\n  - argv: [hook.sh]\n    zones: [a.example]\n"),
       "exec_hook[0]"},
      {"a hook for all to write",
       absl::StrCat(begin, "exec_hook:\n  - argv: [", Folder(),
                    "/hook.sh]\n    zones: [a.example]\n"),
       "hook.sh", "UNSAFE_PROGRAM"},
      {"a negative ttl", rfc2136("[a.example]", "tsig.key", "    ttl_seconds: -1\n"), "-1"},
      {"a negative timeout",
       absl::StrCat(begin, "exec_hook:\n  - argv: [/bin/true]\n    zones: [a.example]\n",
                    "    timeout_seconds: -5\n"),
       "-5"},
      {"negative responses",
       absl::StrCat(begin, "delegated_zone:\n  zone: a.example\n  listen: [\"127.0.0.1:53\"]\n",
                    "  name_servers: [a.test]\n  responses_per_second: -2\n"),
       "-2"},
      {"no name server",
       absl::StrCat(begin, "delegated_zone:\n  zone: a.example\n  listen: [\"127.0.0.1:53\"]\n"),
       "delegated_zone"},
      {"a resolver by name",
       "state_dir: s\nhttp_listener:\n  listen: [\"127.0.0.1:80\"]\ndns:\n  resolvers: "
       "[dns.example]\n",
       "dns.resolvers"},
      {"nowhere to listen", "state_dir: s\ntls_alpn: {}\n", "tls_alpn"},
  };
  Write("hook.sh", "#!/bin/sh\n", 0777);
  for (const auto& c : cases) {
    const auto settings = Load(c.yaml);
    EXPECT_FALSE(settings.ok()) << c.what;
    EXPECT_EQ(ErrorReason(settings.status()), c.reason) << c.what << settings.status();
    EXPECT_TRUE(absl::StrContains(settings.status().message(), c.message)) << settings.status();
    EXPECT_FALSE(absl::StrContains(settings.status().message(), "MDEyMzQ1")) << "a secret";
  }
}

TEST_F(SettingsTest, WhoMayWriteTheFileMayRunPrograms) {
  const std::string yaml = "state_dir: /s\nhttp_listener:\n  listen: [\"0.0.0.0:80\"]\n";
  const std::string path = absl::StrCat(Folder(), "/agent.yaml");
  for (const mode_t mode : {0664, 0646, 0666}) {
    Write("agent.yaml", yaml, mode);
    const auto settings = LoadSettings(path);
    EXPECT_EQ(ErrorReason(settings.status()), "UNSAFE_FILE") << settings.status();
    EXPECT_TRUE(absl::StrContains(settings.status().message(), "chmod go-w")) << settings.status();
    EXPECT_EQ(*LoadStateDir(path), "/s") << "which runs nothing";
  }
  Write("agent.yaml", yaml, 0600);
  for (const mode_t mode : {0777, 0775, 0707, 01777}) {
    ASSERT_EQ(chmod(Folder().c_str(), mode), 0);
    const absl::Status status = LoadSettings(path).status();
    EXPECT_EQ(ErrorReason(status), "UNSAFE_FILE") << mode;
    EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("chmod go-w ", Folder())))
        << status;
  }
  ASSERT_EQ(chmod(Folder().c_str(), 0755), 0);
  EXPECT_TRUE(LoadSettings(path).ok());
}

TEST_F(SettingsTest, WhereAProgramsEnvironmentIsOthersMustNotRead) {
  const std::string hook =
      "state_dir: s\ndns:\n  resolvers: [192.0.2.53]\n"
      "exec_hook:\n  - argv: [/bin/true]\n    zones: [a.example]\n";
  EXPECT_TRUE(Load(hook, 0644).ok());
  const std::string with = absl::StrCat(hook, "    environment: [\"TOKEN=MDEyMzQ1\"]\n");
  EXPECT_TRUE(Load(with, 0640).ok());
  EXPECT_TRUE(Load(with, 0600).ok());
  const absl::Status open = Load(with, 0644).status();
  EXPECT_EQ(ErrorReason(open), "UNSAFE_FILE");
  EXPECT_TRUE(absl::StrContains(open.message(), "chmod o-r")) << open;
  EXPECT_FALSE(absl::StrContains(open.message(), "MDEyMzQ1"));
}

TEST_F(SettingsTest, WhatIsNoFileIsNotWaitedFor) {
  const std::string pipe = absl::StrCat(Folder(), "/pipe.yaml");
  unlink(pipe.c_str());
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, Folder(), absl::StrCat(Folder(), "/none.yaml")}) {
    const absl::Status status = LoadSettings(path).status();
    EXPECT_EQ(ErrorReason(status), "BAD_CONFIG") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), path)) << status;
  }
}

TEST_F(SettingsTest, DefaultsAreHostAndInfo) {
  const auto settings = Load("state_dir: /s\nhttp_listener:\n  listen: [\"0.0.0.0:80\"]\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_FALSE(settings->http_listener->match_token);
  EXPECT_TRUE(settings->validators.empty());
  EXPECT_EQ(settings->webroot, "");
  EXPECT_EQ(settings->log_level, log::Level::kInfo);
}

TEST_F(SettingsTest, RefusesAndSaysWhy) {
  const std::string listener = "http_listener:\n  listen: [\"127.0.0.1:80\"]\n";
  const struct {
    const char* what;
    std::string yaml;
    const char* message;
  } cases[] = {
      {"no state_dir", listener, "state_dir"},
      {"no presenter", "state_dir: s\n", "configure http_listener"},
      {"no listen", "state_dir: s\nhttp_listener: {}\n", "listen"},
      {"no directory", "state_dir: s\nwebroot: {}\n", "directory"},
      {"token in public",
       "state_dir: s\nhttp_listener:\n  listen: [\"0.0.0.0:80\"]\n  match: token\n", "loopback"},
      {"a bad validator", absl::StrCat("state_dir: s\nvalidators: [nowhere]\n", listener),
       "nowhere"},
      {"four validators",
       absl::StrCat("state_dir: s\nvalidators: [\"a:1\", \"b:1\", \"c:1\", \"d:1\"]\n", listener),
       "at most 3"},
      {"an unknown key", absl::StrCat("state_dir: s\nstatedir: t\n", listener), "statedir"},
      {"an unknown match",
       "state_dir: s\nhttp_listener:\n  listen: [\"127.0.0.1:80\"]\n  match: any\n", "any"},
  };
  for (const auto& c : cases) {
    const auto settings = Load(c.yaml);
    EXPECT_EQ(ErrorReason(settings.status()), "BAD_CONFIG") << c.what;
    EXPECT_TRUE(absl::StrContains(settings.status().message(), c.message)) << settings.status();
    EXPECT_TRUE(absl::StrContains(settings.status().message(), "agent.yaml")) << settings.status();
  }
}

}  // namespace
}  // namespace norroy::agent
