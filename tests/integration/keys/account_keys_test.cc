// Accounts at Pebble whose keys lie in files, open and encrypted, and in a SoftHSM token.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/challenge/identifier.h"
#include "common/clock/clock.h"
#include "common/crypto/key.h"
#include "common/crypto/random.h"
#include "common/crypto/test_token.h"
#include "common/http/curl_client.h"
#include "common/sql/database.h"
#include "issuer/keys/accounts.h"
#include "issuer/keys/key_location.h"
#include "issuer/store/store.h"
#include "tests/harness/pebble.h"
#include "tests/harness/process.h"

namespace norroy::keys {
namespace {

using crypto::KeyType;
using crypto::TestToken;

class AccountKeysTest : public ::testing::Test {
 protected:
  AccountKeysTest() : dir_(harness::TempDir("keys")), token_("accounts") {
    token_.AddKey("p256", "EC:prime256v1", "01");
    token_.AddKey("p384", "EC:secp384r1", "02");
    token_.AddKey("rsa", "rsa:2048", "03");
    pebble_ = harness::Pebble::Start(dir_, {.http_port = harness::FreePort()});
    database_ = sql::OpenSqlite(":memory:").value();
    EXPECT_TRUE(sql::Migrate(*database_, store::Store::Migrations()).ok());
    store_ = store::Store::Make(*database_);
  }

  CaSettings Ca(const std::string& name, const config::v1::KeyConfig& key) {
    CaSettings settings;
    settings.name = name;
    settings.acme.directory_url = pebble_->directory_url();
    settings.http.root_file = pebble_->tls_root_file();
    settings.account_key = ReadKeyConfig(key, TestToken::kModule, dir_ + "/issuer.yaml").value();
    return settings;
  }

  absl::StatusOr<std::unique_ptr<Accounts>> Make(const CaSettings& settings) {
    return MakeAccounts(
        {.cas = {settings},
         .keys_dir = dir_ + "/keys_dir",
         .store = *store_,
         .clock = clock_,
         .random = random_,
         .new_http = [](const CaSettings& ca) { return http::NewCurlClient(ca.http); }});
  }

  config::v1::KeyConfig InFile(const std::string& name, KeyType type) {
    const auto key = crypto::PrivateKey::Generate(type).value();
    harness::WriteAll(dir_ + "/" + name, std::string(key.ToPem().Expose()), 0600);
    config::v1::KeyConfig config;
    config.set_uri(name);
    return config;
  }

  config::v1::KeyConfig InEncryptedFile(const std::string& name, KeyType type) {
    config::v1::KeyConfig config = InFile(name + ".plain", type);
    harness::WriteAll(dir_ + "/word", "open sesame\n", 0600);
    EXPECT_EQ(harness::RunProgram({"/usr/bin/openssl", "pkcs8", "-topk8", "-in",
                                   dir_ + "/" + config.uri(), "-out", dir_ + "/" + name, "-passout",
                                   "file:" + dir_ + "/word"})
                  .code,
              0);
    EXPECT_EQ(chmod((dir_ + "/" + name).c_str(), 0600), 0);
    config.set_uri(name);
    config.set_passphrase_file("word");
    return config;
  }

  config::v1::KeyConfig InToken(const std::string& object) {
    config::v1::KeyConfig config;
    config.set_uri(absl::StrCat(token_.KeyUri(object), "?pin-source=", token_.pin_file()));
    return config;
  }

  // Registers, orders, and is known again by the same key after a restart.
  void ExpectWorks(const std::string& name, const config::v1::KeyConfig& key) {
    SCOPED_TRACE(name);
    const CaSettings settings = Ca(name, key);
    auto accounts = Make(settings);
    ASSERT_TRUE(accounts.ok()) << accounts.status();
    const auto record = (*accounts)->Register(name, true);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->status, "valid");
    for (int start = 0; start < 2; ++start) {
      const auto client = (*accounts)->ClientFor(name);
      ASSERT_TRUE(client.ok()) << client.status();
      EXPECT_EQ((*client)->Thumbprint(), record->key_thumbprint);
      const auto order =
          (*client)->NewOrder({challenge::Name::Parse("www.example.test").value()}, "");
      ASSERT_TRUE(order.ok()) << order.status();
      // RFC 8555 7.3.1: this key has that account.
      const auto again = (*accounts)->Register(name, false);
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_EQ(again->url, record->url);
      accounts = Make(settings);
      ASSERT_TRUE(accounts.ok()) << accounts.status();
    }
  }

  const std::string dir_;
  TestToken token_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  std::unique_ptr<harness::Pebble> pebble_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(AccountKeysTest, PebbleKnowsThem) {
  ExpectWorks("file-p256", InFile("p256.pem", KeyType::kP256));
  ExpectWorks("encrypted-p256", InEncryptedFile("locked-p256.pem", KeyType::kP256));
  ExpectWorks("file-p384", InFile("p384.pem", KeyType::kP384));
  ExpectWorks("file-rsa2048", InFile("rsa2048.pem", KeyType::kRsa2048));
  ExpectWorks("file-rsa4096", InFile("rsa4096.pem", KeyType::kRsa4096));
  ExpectWorks("encrypted-p384", InEncryptedFile("locked-p384.pem", KeyType::kP384));
  ExpectWorks("token-p256", InToken("p256"));
  ExpectWorks("token-p384", InToken("p384"));
  ExpectWorks("token-rsa", InToken("rsa"));
}

}  // namespace
}  // namespace norroy::keys
