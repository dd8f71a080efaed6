#include "agent/settings.h"

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

absl::StatusOr<Settings> Load(const std::string& yaml) {
  const std::string path = absl::StrCat(testing::TempDir(), "/agent.yaml");
  std::ofstream(path) << yaml;
  return LoadSettings(path);
}

TEST(Settings, ReadsEverything) {
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
  EXPECT_EQ(settings->state_dir, absl::StrCat(testing::TempDir(), "/state"));
  EXPECT_EQ(settings->validators.size(), 2u);
  ASSERT_TRUE(settings->http_listener.has_value());
  EXPECT_TRUE(settings->http_listener->match_token);
  EXPECT_EQ(settings->http_listener->accept_hosts.size(), 1u);
  EXPECT_EQ(settings->webroot, "/var/www/html");
  EXPECT_EQ(settings->log_level, log::Level::kDebug);
  EXPECT_EQ(settings->log_format, log::Format::kJson);
}

TEST(Settings, DefaultsAreHostAndInfo) {
  const auto settings = Load("state_dir: /s\nhttp_listener:\n  listen: [\"0.0.0.0:80\"]\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_FALSE(settings->http_listener->match_token);
  EXPECT_TRUE(settings->validators.empty());
  EXPECT_EQ(settings->webroot, "");
  EXPECT_EQ(settings->log_level, log::Level::kInfo);
}

TEST(Settings, RefusesAndSaysWhy) {
  const std::string listener = "http_listener:\n  listen: [\"127.0.0.1:80\"]\n";
  const struct {
    const char* what;
    std::string yaml;
    const char* message;
  } cases[] = {
      {"no state_dir", listener, "state_dir"},
      {"no presenter", "state_dir: s\n", "http_listener or webroot"},
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
