#include "cli/sync_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cli/sync_test_ca.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"

namespace norroy::cli {
namespace {

using ::testing::HasSubstr;

class SettingsTest : public testing::Test {
 protected:
  absl::StatusOr<SyncSettings> Load(const std::string& text) {
    EXPECT_TRUE(identity::WriteFileAtomically(path_, text, 0644).ok());
    return LoadSyncSettings(path_);
  }
  const std::string folder_ = NewSyncFolder();
  const std::string path_ = folder_ + "/sync.yaml";
};

TEST_F(SettingsTest, EverythingIsRead) {
  const auto settings = Load(R"(
issuers: ["issuer-a.example.net:7301", "192.0.2.1:7301"]
identity_file: host.pem
core_root_file: /etc/norroy/core.pem
state_dir: state
certificates:
  - domains: [WWW.example.com, "*.example.com", 192.0.2.7]
    key_type: rsa3072
    ca: le
    profile: shortlived
    preferred_chain: Some Root
    reuse_key: true
    bundle: true
    owner: root
    group: "4"
    mode: "0640"
    deploy_hooks:
      - argv: [/usr/bin/env, reload]
        environment: ["A=b"]
      - argv: [/usr/bin/env]
        timeout_seconds: 7
    serve:
      - address: 127.0.0.1:443
      - address: "[::1]:25"
        server_name: mail.example.com
        start_tls: smtp
        timeout_seconds: 9
  - name: second
    domains: [b.example.com]
  - domains: ["*.example.org"]
)");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->issuers.size(), 2u);
  EXPECT_EQ(settings->identity_file, folder_ + "/host.pem");
  EXPECT_EQ(settings->core_root_file, "/etc/norroy/core.pem");
  EXPECT_EQ(settings->state_dir, folder_ + "/state");
  ASSERT_EQ(settings->certificates.size(), 3u);
  const WantedCertificate& first = settings->certificates[0];
  EXPECT_EQ(first.name, "www.example.com");
  EXPECT_EQ(first.domains.size(), 3u);
  EXPECT_EQ(first.key_type, crypto::KeyType::kRsa3072);
  EXPECT_EQ(first.ca, "le");
  EXPECT_EQ(first.profile, "shortlived");
  EXPECT_EQ(first.preferred_chain, "Some Root");
  EXPECT_TRUE(first.reuse_key);
  EXPECT_TRUE(first.bundle);
  EXPECT_EQ(first.access.owner, 0u);
  EXPECT_EQ(first.access.group, 4u);
  EXPECT_EQ(first.access.mode, 0640u);
  ASSERT_EQ(first.hooks.size(), 2u);
  EXPECT_EQ(first.hooks[0].timeout, absl::Seconds(60));
  EXPECT_EQ(first.hooks[1].timeout, absl::Seconds(7));
  ASSERT_EQ(first.serve.size(), 2u);
  EXPECT_EQ(first.serve[0].server_name, "www.example.com");
  EXPECT_FALSE(first.serve[0].smtp);
  EXPECT_EQ(first.serve[0].timeout, absl::Seconds(30));
  EXPECT_EQ(first.serve[1].address.host, "::1");
  EXPECT_EQ(first.serve[1].server_name, "mail.example.com");
  EXPECT_TRUE(first.serve[1].smtp);
  EXPECT_EQ(settings->certificates[1].name, "second");
  EXPECT_EQ(settings->certificates[1].key_type, crypto::KeyType::kP256);
  EXPECT_FALSE(settings->certificates[1].access.mode.has_value());
  EXPECT_EQ(settings->certificates[2].name, "_.example.org");
}

TEST_F(SettingsTest, MistakesAreSaid) {
  const std::string start = "state_dir: s\ncertificates:\n  - domains: [a.example.com]\n";
  const struct {
    std::string text;
    std::string says;
  } cases[] = {
      {"certificates: []\n", "state_dir is missing"},
      {"state_dir: s\nissuers: [nowhere]\n", "nowhere"},
      {"state_dir: s\nunknown: 1\n", "sync.yaml:2"},
      {"state_dir: s\ncertificates:\n  - name: x\n", "certificates[0] (x): domains"},
      {"state_dir: s\ncertificates:\n  - domains: [local]\n", "local"},
      {start + "    name: ../up\n", "name \"../up\""},
      {start + "    name: .hidden\n", "not beginning with"},
      {start + "    key_type: dsa\n", "dsa"},
      {start + "    mode: \"0644\"\n", "nothing for others"},
      {start + "    mode: \"0700\"\n", "nothing to execute"},
      {start + "    mode: \"0040\"\n", "readable by the owner"},
      {start + "    mode: rw\n", "octal"},
      {start + "    owner: no-such-user-here\n", "knows no user \"no-such-user-here\""},
      {start + "    group: no-such-group-here\n", "knows no group"},
      {start + "    deploy_hooks:\n      - argv: [reload]\n", "deploy_hooks[0]: program"},
      {start + "    deploy_hooks:\n      - argv: [/usr/bin/env]\n        timeout_seconds: 3601\n",
       "timeout_seconds: 1 to 3600"},
      {start + "    serve:\n      - address: 0.0.0.0:443\n", "cannot be dialled"},
      {start + "    serve:\n      - address: localhost\n", "serve[0]"},
      {start + "    serve:\n      - address: 127.0.0.1:1\n        start_tls: pop3\n", "pop3"},
      {start + "  - domains: [a.example.com]\n", "another entry is called a.example.com"},
  };
  for (const auto& c : cases) {
    const auto settings = Load(c.text);
    EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument) << c.says;
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr(c.says));
  }
}

TEST_F(SettingsTest, AFileThatNamesHooksIsNobodyElsesToWrite) {
  const std::string hooks =
      "state_dir: s\ncertificates:\n  - domains: [a.example.com]\n    deploy_hooks:\n"
      "      - argv: [/usr/bin/env]\n";
  ASSERT_TRUE(Load(hooks).ok());
  ASSERT_EQ(chmod(path_.c_str(), 0664), 0);
  EXPECT_EQ(ErrorReason(LoadSyncSettings(path_).status()), "UNSAFE_PROGRAM");
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  ASSERT_EQ(chmod(folder_.c_str(), 0777), 0);
  EXPECT_EQ(ErrorReason(LoadSyncSettings(path_).status()), "UNSAFE_PROGRAM");
  EXPECT_TRUE(Load("state_dir: s\n").ok()) << "nothing is run";
}

}  // namespace
}  // namespace norroy::cli
