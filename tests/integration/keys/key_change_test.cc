// A new key in the place of an account's, before a real CA: from the issuer's own key to another,
// into a token and out of it, between kinds of keys, and while requests are under way.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/challenge/identifier.h"
#include "common/clock/clock.h"
#include "common/crypto/key.h"
#include "common/crypto/random.h"
#include "common/crypto/signer.h"
#include "common/crypto/test_token.h"
#include "common/error/error.h"
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

class KeyChangeTest : public ::testing::Test {
 protected:
  // Before the module is first used in this process.
  static TestToken& Token() {
    static TestToken& token = *[] {
      auto* const made = new TestToken("change");
      made->AddKey("p256", "EC:prime256v1", "01");
      made->AddKey("p384", "EC:secp384r1", "02");
      return made;
    }();
    return token;
  }
  static void SetUpTestSuite() { Token(); }

  KeyChangeTest() : dir_(harness::TempDir("change")) {
    pebble_ = harness::Pebble::Start(dir_, {.http_port = harness::FreePort()});
    database_ = sql::OpenSqlite(":memory:").value();
    EXPECT_TRUE(sql::Migrate(*database_, store::Store::Migrations()).ok());
    store_ = store::Store::Make(*database_);
    settings_.name = "main";
    settings_.acme.directory_url = pebble_->directory_url();
    settings_.http.root_file = pebble_->tls_root_file();
  }

  void Start() {
    accounts_.reset();
    auto accounts = MakeAccounts(
        {.cas = {settings_},
         .keys_dir = dir_ + "/keys_dir",
         .store = *store_,
         .clock = clock_,
         .random = random_,
         .new_http = [](const CaSettings& ca) { return http::NewCurlClient(ca.http); }});
    ASSERT_TRUE(accounts.ok()) << accounts.status();
    accounts_ = *std::move(accounts);
  }

  KeyLocation InFile(const std::string& name, KeyType type) {
    const auto key = crypto::PrivateKey::Generate(type).value();
    harness::WriteAll(dir_ + "/" + name, std::string(key.ToPem().Expose()), 0600);
    config::v1::KeyConfig config;
    config.set_uri(name);
    return ReadKeyConfig(config, "", dir_ + "/issuer.yaml").value();
  }

  KeyLocation InToken(const std::string& object) {
    config::v1::KeyConfig config;
    config.set_uri(absl::StrCat(Token().KeyUri(object), "?pin-source=", Token().pin_file()));
    return ReadKeyConfig(config, TestToken::kModule, dir_ + "/issuer.yaml").value();
  }

  absl::StatusOr<acme::Order> NewOrder(const std::string& name) {
    const auto client = accounts_->ClientFor("main");
    if (!client.ok()) return client.status();
    return (*client)->NewOrder({challenge::Name::Parse(name).value()}, "");
  }

  // RFC 8555 7.3.1: whose account the CA says it is.
  absl::StatusOr<acme::Account> AccountOf(crypto::Signer& signer) {
    const auto http = http::NewCurlClient(settings_.http).value();
    const auto client = acme::Client::Make(settings_.acme, *http, signer, clock_, random_).value();
    acme::NewAccount look;
    look.only_return_existing = true;
    return client->CreateAccount(look);
  }

  // The change to `next`, after which the configuration is edited as it says.
  void ChangeTo(const std::string& what, const KeyLocation& next) {
    SCOPED_TRACE(what);
    settings_.next_account_key = next;
    Start();
    const std::string url = store_->GetAccount("main")->url;
    const auto changed = accounts_->ChangeKey("main");
    ASSERT_TRUE(changed.ok()) << changed.status();
    EXPECT_EQ(changed->url, url);
    const auto signer = OpenKey(next).value();
    EXPECT_EQ(changed->key_thumbprint, signer->public_key().thumbprint());
    EXPECT_EQ(AccountOf(*signer)->url, url);
    EXPECT_TRUE(NewOrder("www.example.test").ok());
    Start();
    EXPECT_TRUE(NewOrder("www.example.test").ok());
    settings_.account_key = next;
    settings_.next_account_key.reset();
    Start();
    EXPECT_TRUE(NewOrder("www.example.test").ok());
  }

  const std::string dir_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  std::unique_ptr<harness::Pebble> pebble_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<store::Store> store_;
  CaSettings settings_;
  std::unique_ptr<Accounts> accounts_;
};

TEST_F(KeyChangeTest, TheOldKeyIsNobodysAfterwards) {
  settings_.contacts = {"mailto:first@example.test"};
  Start();
  const auto registered = accounts_->Register("main", true);
  ASSERT_TRUE(registered.ok()) << registered.status();
  const auto old = crypto::OpenFileSigner(dir_ + "/keys_dir/account-main.pem").value();
  ASSERT_TRUE(AccountOf(*old).ok());
  const auto changed = accounts_->ChangeKey("main");
  ASSERT_TRUE(changed.ok()) << changed.status();
  const auto order = NewOrder("www.example.test");
  ASSERT_TRUE(order.ok()) << order.status();
  // Refused as a key of no account, and as the account's.
  EXPECT_EQ(ErrorMetadataOf(AccountOf(*old).status())["acme_type"], "accountDoesNotExist");
  acme::Client& client = **accounts_->ClientFor("main");
  client.UseKey(*old);
  EXPECT_FALSE(NewOrder("other.example.test").ok());
  Start();
  EXPECT_TRUE(NewOrder("other.example.test").ok());
  settings_.contacts = {"mailto:second@example.test"};
  Start();
  const auto updated = accounts_->Update("main");
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->contacts, settings_.contacts);
}

TEST_F(KeyChangeTest, BetweenKindsOfKeysAndPlaces) {
  Start();
  ASSERT_TRUE(accounts_->Register("main", true).ok());
  ChangeTo("into a token", InToken("p384"));
  ChangeTo("out of it", InFile("p256.pem", KeyType::kP256));
  ChangeTo("RSA", InFile("rsa.pem", KeyType::kRsa2048));
  ChangeTo("within the token", InToken("p256"));
}

TEST_F(KeyChangeTest, AKeyThatAnotherAccountHasIsRefused) {
  Start();
  ASSERT_TRUE(accounts_->Register("main", true).ok());
  CaSettings other = settings_;
  other.name = "other";
  settings_.next_account_key = InFile("taken.pem", KeyType::kP256);
  {
    const auto signer = OpenKey(*settings_.next_account_key).value();
    const auto http = http::NewCurlClient(settings_.http).value();
    const auto client = acme::Client::Make(settings_.acme, *http, *signer, clock_, random_).value();
    acme::NewAccount request;
    request.terms_of_service_agreed = true;
    ASSERT_TRUE(client->CreateAccount(request).ok());
  }
  Start();
  const absl::Status refused = accounts_->ChangeKey("main").status();
  EXPECT_EQ(ErrorReason(refused), "ACCOUNT_KEY_TAKEN") << refused;
  EXPECT_TRUE(NewOrder("www.example.test").ok());
}

// Five changes in a row while four threads place orders: none of them is refused.
TEST_F(KeyChangeTest, OrdersGoOnMeanwhile) {
  Start();
  ASSERT_TRUE(accounts_->Register("main", true).ok());
  std::atomic<bool> stop = false;
  std::atomic<int> placed = 0;
  std::vector<std::thread> flows;
  for (int i = 0; i < 4; ++i) {
    flows.emplace_back([&, i] {
      while (!stop) {
        const auto order = NewOrder(absl::StrCat("n", i, ".example.test"));
        EXPECT_TRUE(order.ok()) << order.status();
        ++placed;
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    const int before = placed;
    const auto changed = accounts_->ChangeKey("main");
    EXPECT_TRUE(changed.ok()) << changed.status();
    EXPECT_TRUE(harness::Eventually([&] { return placed > before; }));
  }
  stop = true;
  for (std::thread& flow : flows) flow.join();
}

}  // namespace
}  // namespace norroy::keys
