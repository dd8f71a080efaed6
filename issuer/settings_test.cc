#include "issuer/settings.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/identity/issuing.h"

namespace norroy {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'772'366'400);

constexpr char kConfig[] = R"(deployment: test
listen: ["127.0.0.1:0"]
identity:
  identity_file: issuer.pem
  core_root_file: core.pem
seal_file: seal.pem
validators: ["127.0.0.1:7443"]
database: issuer.db
keys_dir: keys
cas:
  - name: le
    directory_url: https://ca.test/directory
    agree_tos: true
grants:
  - principal: operator/alice
    names: ["."]
)";

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    static int count = 0;
    dir_ = absl::StrCat(std::getenv("TEST_TMPDIR"), "/settings", ++count);
    mkdir(dir_.c_str(), 0700);
    root_ = identity::MakeRoot("core", "test", kNow, absl::Hours(24 * 365)).value();
    std::ofstream(dir_ + "/core.pem") << root_->certificate.ToPem();
    WriteIdentity("issuer.pem", types::v1::ROLE_ISSUER);
    WriteIdentity("seal.pem", types::v1::ROLE_SEAL);
    WriteIdentity("validator.pem", types::v1::ROLE_VALIDATOR);
  }

  void WriteIdentity(const std::string& file, identity::Role role) {
    crypto::PrivateKey key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
    identity::LeafRequest request;
    request.identity.deployment = "test";
    request.identity.role = role;
    request.identity.name = "main";
    request.now = kNow;
    request.lifetime = absl::Hours(24);
    if (role == types::v1::ROLE_ISSUER || role == types::v1::ROLE_VALIDATOR) {
      request.hosts = {"127.0.0.1"};
    }
    crypto::Certificate leaf = identity::IssueLeaf(*root_, key.public_key(), request).value();
    ASSERT_TRUE(identity::WriteIdentityFile(dir_ + "/" + file, {key, {leaf}}).ok());
  }

  absl::StatusOr<IssuerSettings> Load(const std::string& text, absl::Time now = kNow) {
    const std::string path = dir_ + "/issuer.yaml";
    std::ofstream(path) << text;
    return LoadIssuerSettings(path, now);
  }

  std::string dir_;
  std::optional<identity::Authority> root_;
};

TEST_F(SettingsTest, ReadsWhatStandsThere) {
  const auto settings = Load(kConfig);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->deployment, "test");
  EXPECT_EQ(settings->name, "main");
  EXPECT_EQ(settings->database, dir_ + "/issuer.db");
  EXPECT_EQ(settings->keys_dir, dir_ + "/keys");
  EXPECT_EQ(settings->workers, 32);
  EXPECT_EQ(settings->limits.new_orders_per_set_per_hour, 2);
  EXPECT_FALSE(settings->reflection);
  struct stat info;
  EXPECT_NE(stat((dir_ + "/keys").c_str(), &info), 0) << "checking made the keys' folder";
  EXPECT_NE(stat((dir_ + "/issuer.db").c_str(), &info), 0) << "checking made the database";
}

TEST_F(SettingsTest, TakesADatabaseServerForAFile) {
  const std::string url =
      "postgresql://norroy@db.example.net/issuer?sslmode=verify-full&sslrootcert=/etc/db.pem";
  const auto settings =
      Load(absl::StrReplaceAll(kConfig, {{"database: issuer.db", "database: " + url}}));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->database, url);
}

// Whoever can write to the file can grant himself every name.
TEST_F(SettingsTest, AFileThatOthersMayWriteToIsRefused) {
  ASSERT_TRUE(Load(kConfig).ok());
  const std::string path = dir_ + "/issuer.yaml";
  for (const mode_t mode : {0664, 0646, 0666}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    const absl::Status status = LoadIssuerSettings(path, kNow).status();
    EXPECT_NE(status.message().find("others than its owner may write to it"),
              absl::string_view::npos)
        << status;
  }
  for (const mode_t mode : {0644, 0640, 0600}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_TRUE(LoadIssuerSettings(path, kNow).ok());
  }
  // Only root can give it away, and in some sandboxes not even he.
  if (chown(path.c_str(), 12345, 0) != 0) return;
  EXPECT_NE(LoadIssuerSettings(path, kNow).status().message().find("belongs to user 12345"),
            absl::string_view::npos);
}

TEST_F(SettingsTest, OpensTheKeysThatItNames) {
  const auto settings = Load(
      absl::StrReplaceAll(kConfig, {{"agree_tos: true", "account_key:\n      uri: issuer.pem"}}));
  ASSERT_TRUE(settings.ok()) << settings.status();
  ASSERT_NE(settings->cas[0].account_signer, nullptr);
  EXPECT_TRUE(settings->cas[0].account_signer->Sign("data").ok());
  EXPECT_TRUE(settings->seal.signer->Sign("data").ok());
}

TEST_F(SettingsTest, ReadsThePreflightsGrades) {
  const auto settings = Load(absl::StrCat(kConfig, R"(preflight:
  - names: [".staging.example.com"]
    grade: off
  - names: ["example.com", ".example.com", "=192.0.2.0/24"]
    grade: gate
)"));
  ASSERT_TRUE(settings.ok()) << settings.status();
  const struct {
    std::string name;
    flow::Grade grade;
  } cases[] = {
      {"a.staging.example.com", flow::Grade::kOff},
      {"www.example.com", flow::Grade::kGate},
      {"*.example.com", flow::Grade::kGate},
      {"*.a.staging.example.com", flow::Grade::kOff},
      {"192.0.2.7", flow::Grade::kGate},
      {"192.0.3.7", flow::Grade::kAdvise},
      {"other.example", flow::Grade::kAdvise},
  };
  for (const auto& row : cases) {
    EXPECT_EQ(settings->grades.Of(*challenge::Name::Parse(row.name)), row.grade) << row.name;
  }
}

TEST_F(SettingsTest, ErrorsNameTheFieldOrTheFile) {
  const struct {
    std::string from, to, error;
  } cases[] = {
      {"deployment: test", "deployment: Test!", "deployment"},
      {"deployment: test", "deployment: other", "issuer.pem"},
      {"listen: [\"127.0.0.1:0\"]", "listen: []", "listen"},
      {"127.0.0.1:0", "127.0.0.1", "listen[0]"},
      {"127.0.0.1:0", "127.0.0.1:70000", "listen[0]"},
      {"127.0.0.1:7443", "127.0.0.1:0", "validators[0]"},
      {"validators: [\"127.0.0.1:7443\"]\n", "", "validators"},
      {"identity_file: issuer.pem", "identity_file: nowhere.pem", "nowhere.pem"},
      {"identity_file: issuer.pem", "identity_file: validator.pem",
       "validator.pem is the identity of validator/main"},
      {"core_root_file: core.pem", "core_root_file: issuer.yaml", "issuer.yaml"},
      {"seal_file: seal.pem", "seal_file: issuer.pem", "role seal"},
      {"seal_file: seal.pem\n", "", "seal_file is missing"},
      {"seal_file: seal.pem", "seal_file: seal.pem\nseal_key:\n  uri: seal.pem",
       "leave only the certificate"},
      {"seal_file: seal.pem", "seal_file: seal.pem\nseal_key:\n  uri: ssh:key",
       "seal_key: key URI"},
      {"seal_file: seal.pem", "seal_file: core.pem\nseal_key:\n  uri: seal.pem", "core.pem"},
      {"agree_tos: true", "account_key:\n      uri: nowhere.pem", "cas[0].account_key: open"},
      {"agree_tos: true", "account_key:\n      passphrase_file: word",
       "cas[0]: account_key: key URI"},
      {"agree_tos: true", "account_key:\n      uri: pkcs11:token=t;object=o\n      credential: pin",
       "needs pkcs11_module"},
      {"agree_tos: true", "account_key:\n      uri: seal.pem\n      credential: word",
       "CREDENTIALS_DIRECTORY is not set"},
      {"database: issuer.db\n", "", "database is missing"},
      {"keys_dir: keys\n", "", "keys_dir is missing"},
      {"https://ca.test", "http://ca.test", "cas[0]: directory_url"},
      {"agree_tos: true", "root_file: nowhere.pem", "cas[0].root_file"},
      {"agree_tos: true", "eab_kid: k\n    eab_key_file: nowhere.key", "cas[0]"},
      {"agree_tos: true", "agree_tos: maybe", "issuer.yaml:13"},
      {"names: [\".\"]", "names: [\"a*.example.com\"]", "grants[0].names[0]"},
      {"names: [\".\"]", "names: [\".\"]\n    cas: [nobody]", "grants[0].cas[0]"},
      {"database: issuer.db", "databse: issuer.db", "issuer.yaml:8"},
      {"database: issuer.db", "database: postgresql://db.example.net/issuer",
       "database: the database's URL leads over the network to db.example.net"},
      {"database: issuer.db", "database: issuer.db\nworkers: 257", "workers"},
      {"database: issuer.db", "database: issuer.db\nworkers: -1", "workers"},
      {"database: issuer.db", "database: issuer.db\nproof_lease_seconds: 4", "proof_lease_seconds"},
      {"database: issuer.db", "database: issuer.db\nproof_lease_seconds: 43201",
       "proof_lease_seconds"},
      {"database: issuer.db", "database: issuer.db\nlimits:\n  failures_per_name_per_hour: -1",
       "limits.failures"},
      {"database: issuer.db", "database: issuer.db\npreflight:\n  - names: [\".\"]",
       "preflight[0]: grade is missing"},
      {"database: issuer.db", "database: issuer.db\npreflight:\n  - grade: gate",
       "preflight[0]: names is empty"},
      {"database: issuer.db",
       "database: issuer.db\npreflight:\n  - names: [\"*.example.com\"]\n    grade: gate",
       "write \"example.com\""},
      {"database: issuer.db",
       "database: issuer.db\npreflight:\n  - names: [\"a*.example.com\"]\n    grade: gate",
       "preflight[0]"},
      {"database: issuer.db",
       "database: issuer.db\npreflight:\n  - names: [\".\"]\n    grade: perhaps", "issuer.yaml:11"},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.to);
    const absl::Status status = Load(absl::StrReplaceAll(kConfig, {{row.from, row.to}})).status();
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.message().find(row.error), absl::string_view::npos) << status;
    EXPECT_NE(status.message().find("issuer.yaml"), absl::string_view::npos) << status;
  }
}

TEST_F(SettingsTest, AnExpiredIdentityIsRefused) {
  const absl::Status status = Load(kConfig, kNow + absl::Hours(25)).status();
  EXPECT_NE(status.message().find("issuer.pem"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace norroy
