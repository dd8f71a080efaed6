#include "cli/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/sync_settings.h"
#include "cli/sync_test_ca.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"

namespace norroy::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

TEST(AppendEntries, KeepsTheTextAndAddsToIt) {
  config::v1::SyncCertificate entry;
  entry.add_domains("new.example.com");
  entry.set_key_type("p384");
  const std::string texts[] = {
      "state_dir: s # kept\n",
      "state_dir: s",
      "state_dir: s\ncertificates:\n  - domains: [a.example.com] # mine\n",
      "state_dir: s\ncertificates:\n- domains:\n  - a.example.com\n",
      "state_dir: s\ncertificates:\n    - domains: [a.example.com]\n      bundle: true\n# end\n",
  };
  for (const std::string& text : texts) {
    config::v1::SyncConfig before;
    ASSERT_TRUE(config::ParseYaml(text, "f", before).ok()) << text;
    const auto appended = AppendEntries(text, before, {entry, entry});
    ASSERT_TRUE(appended.ok()) << appended.status() << text;
    EXPECT_EQ(appended->substr(0, text.size()), text);
    config::v1::SyncConfig after;
    ASSERT_TRUE(config::ParseYaml(*appended, "f", after).ok()) << *appended;
    EXPECT_EQ(after.certificates_size(), before.certificates_size() + 2);
    EXPECT_EQ(after.certificates(after.certificates_size() - 1).domains(0), "new.example.com");
    EXPECT_EQ(after.state_dir(), "s");
  }
}

TEST(AppendEntries, SaysIfThereIsNoPlace) {
  config::v1::SyncCertificate entry;
  entry.add_domains("new.example.com");
  for (const std::string text : {"certificates:\n  - domains: [a.example.com]\nstate_dir: s\n",
                                 "state_dir: s\ncertificates: [{domains: [a.example.com]}]\n"}) {
    config::v1::SyncConfig before;
    ASSERT_TRUE(config::ParseYaml(text, "f", before).ok());
    EXPECT_EQ(ErrorReason(AppendEntries(text, before, {entry}).status()), "CANNOT_APPEND");
  }
}

class ImportTest : public testing::Test {
 protected:
  ImportTest() {
    Write("sync.yaml", "# ours\nstate_dir: state\n");
    options_.config = folder_ + "/sync.yaml";
  }
  ~ImportTest() override {
    std::fclose(data_);
    std::fclose(talk_);
  }
  std::string Write(const std::string& name, absl::string_view text, int mode = 0644) {
    const std::string path = absl::StrCat(folder_, "/", name);
    fs::create_directories(fs::path(path).parent_path());
    EXPECT_TRUE(identity::WriteFileAtomically(path, text, mode).ok());
    return path;
  }
  std::string Read(const std::string& path) { return *identity::ReadFile(path, 1000000); }
  CertificateSet WriteCertbot(const std::string& name, const std::vector<std::string>& domains,
                              const std::string& more, int mode = 0600) {
    const CertificateSet set = ca_.Issue({domains, absl::Now() - absl::Hours(1)});
    Write(absl::StrCat("le/live/", name, "/fullchain.pem"), set.chain.ToPem());
    Write(absl::StrCat("le/live/", name, "/privkey.pem"), set.key.ToPem().Expose(), mode);
    Write(absl::StrCat("le/renewal/", name, ".conf"),
          absl::StrCat("version = 2.1.0\n[renewalparams]\nauthenticator = webroot\n", more));
    return set;
  }
  absl::Status Run(absl::Status (*command)(Context&, const ImportOptions&),
                   const std::string& other) {
    std::rewind(data_);
    std::rewind(talk_);
    options_.folder = absl::StrCat(folder_, "/", other);
    Output output(Format::kJson, data_, talk_, false, false);
    Context context(Options{.dir = folder_}, output, clock_);
    return command(context, options_);
  }
  static std::string TextOf(FILE* file) {
    std::string text(static_cast<size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
    return text;
  }
  SyncSettings Settings() {
    const auto settings = LoadSyncSettings(options_.config);
    EXPECT_TRUE(settings.ok()) << settings.status();
    return *settings;
  }
  std::string Installed(const std::string& name) {
    const auto set = Lineage(folder_ + "/state", name).Read();
    return set.ok() && set->has_value() ? (*set)->chain.leaf().fingerprint() : "";
  }

  const SyncTestCa ca_;
  const std::string folder_ = NewSyncFolder();
  ImportOptions options_;
  SystemClock clock_;
  FILE* const data_ = std::tmpfile();
  FILE* const talk_ = std::tmpfile();
};

TEST_F(ImportTest, CertbotsLineagesAreTakenOver) {
  const CertificateSet www =
      WriteCertbot("www.example.com", {"a.example.com", "www.example.com"},
                   "reuse_key = True\nrenew_hook = env reload nginx\ninstaller = nginx\n", 0640);
  const CertificateSet wild = WriteCertbot(
      "mine", {"*.example.org"}, "renew_hook = cp $RENEWED_LINEAGE/* /x\npre_hook = stop it\n");
  Write("le/renewal-hooks/deploy/all.sh", "");
  const absl::Status status = Run(ImportCertbot, "le");
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Installed("www.example.com"), www.chain.leaf().fingerprint());
  EXPECT_EQ(Installed("mine"), wild.chain.leaf().fingerprint());
  struct stat info = {};
  ASSERT_EQ(stat((folder_ + "/state/live/www.example.com/privkey.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u) << "as it was";
  const SyncSettings settings = Settings();
  ASSERT_EQ(settings.certificates.size(), 2u);
  EXPECT_EQ(settings.certificates[0].name, "mine");
  EXPECT_TRUE(settings.certificates[0].hooks.empty());
  const WantedCertificate& entry = settings.certificates[1];
  EXPECT_EQ(entry.domain_texts, (std::vector<std::string>{"www.example.com", "a.example.com"}));
  EXPECT_TRUE(entry.reuse_key);
  ASSERT_EQ(entry.hooks.size(), 1u);
  EXPECT_EQ(entry.hooks[0].command.argv,
            (std::vector<std::string>{"/usr/bin/env", "reload", "nginx"}));
  EXPECT_THAT(Read(options_.config), HasSubstr("# ours\n"));
  EXPECT_THAT(TextOf(data_), AllOf(HasSubstr("authenticator webroot is not used any more"),
                                   HasSubstr("installer nginx"), HasSubstr("needs a shell"),
                                   HasSubstr("pre_hook"), HasSubstr("IMPORT_OUTCOME_IMPORTED")));
  EXPECT_THAT(TextOf(talk_), AllOf(HasSubstr("all.sh"), HasSubstr("Servers still read")));
  // Certbot's own files are as they were.
  EXPECT_TRUE(fs::exists(folder_ + "/le/live/mine/privkey.pem"));

  // Once more changes nothing.
  const std::string before = Read(options_.config);
  ASSERT_TRUE(Run(ImportCertbot, "le").ok());
  EXPECT_EQ(Read(options_.config), before);
  EXPECT_THAT(TextOf(data_), Not(HasSubstr("IMPORTED")));
  EXPECT_FALSE(fs::exists(folder_ + "/state/archive/mine/cert2.pem"));
}

TEST_F(ImportTest, WhatCannotBeReadIsSaidAndTheRestTaken) {
  WriteCertbot("good", {"good.example.com"}, "");
  WriteCertbot("half", {"half.example.com"}, "");
  Write("le/live/half/privkey.pem",
        ca_.Issue({{"x.example.com"}, absl::Now()}).key.ToPem().Expose());
  WriteCertbot("gone", {"gone.example.com"}, "");
  fs::remove(folder_ + "/le/live/gone/privkey.pem");
  Write("le/renewal/broken.conf", "nonsense");
  const absl::Status status = Run(ImportCertbot, "le");
  EXPECT_EQ(ErrorReason(status), "IMPORT_INCOMPLETE");
  EXPECT_EQ(Settings().certificates.size(), 1u);
  EXPECT_THAT(TextOf(data_), AllOf(HasSubstr("is not the key of"), HasSubstr("gone/privkey.pem"),
                                   HasSubstr("line 1: is no key = value")));
}

TEST_F(ImportTest, AnImportThatBrokeOffIsFinished) {
  const CertificateSet set = WriteCertbot("www.example.com", {"www.example.com"}, "");
  fs::create_directories(folder_ + "/state");
  ASSERT_TRUE(Lineage(folder_ + "/state", "www.example.com").Install(set, Wanted()).ok());
  ASSERT_TRUE(Run(ImportCertbot, "le").ok());
  EXPECT_EQ(Settings().certificates.size(), 1u);
}

TEST_F(ImportTest, LegosCertificatesAreTakenOver) {
  const CertificateSet set =
      ca_.Issue({{"*.example.com"}, absl::Now() - absl::Hours(1)}, crypto::KeyType::kP384);
  const std::string base = "lego/certificates/_.example.com";
  Write(base + ".json", R"({"domain": "*.example.com", "certUrl": "https://ca/1"})");
  Write(base + ".key", set.key.ToPem().Expose(), 0600);
  // Without --no-bundle it is the whole chain; with it the leaf alone.
  Write(base + ".crt", set.chain.leaf().ToPem());
  Write(base + ".issuer.crt", set.chain.certificates()[1].ToPem());
  Write("lego/certificates/csr.example.com.json", R"({"domain": "csr.example.com"})");
  Write("lego/certificates/odd.json", "[]");
  const absl::Status status = Run(ImportLego, "lego");
  EXPECT_EQ(ErrorReason(status), "IMPORT_INCOMPLETE");
  EXPECT_EQ(Installed("_.example.com"), set.chain.leaf().fingerprint());
  const SyncSettings settings = Settings();
  ASSERT_EQ(settings.certificates.size(), 1u);
  EXPECT_EQ(settings.certificates[0].key_type, crypto::KeyType::kP384);
  EXPECT_EQ(settings.certificates[0].domain_texts, (std::vector<std::string>{"*.example.com"}));
  EXPECT_THAT(TextOf(data_), AllOf(HasSubstr("its key is elsewhere"), HasSubstr("odd.json")));
}

TEST_F(ImportTest, FoldersThatAreNoneAreSaid) {
  fs::create_directories(folder_ + "/empty");
  EXPECT_EQ(Run(ImportCertbot, "empty").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Run(ImportLego, "empty").code(), absl::StatusCode::kNotFound);
  options_.config = folder_ + "/missing.yaml";
  WriteCertbot("good", {"good.example.com"}, "");
  EXPECT_EQ(ErrorReason(Run(ImportCertbot, "le")), "BAD_CONFIG");
}

}  // namespace
}  // namespace norroy::cli
