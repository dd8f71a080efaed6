#include "issuer/keys/accounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/crypto/signer.h"
#include "common/error/error.h"
#include "issuer/keys/accounts_fixture.h"

namespace norroy::keys {
namespace {

using fakes::Endpoint;

class AccountsTest : public AccountsFixture {};

TEST_F(AccountsTest, RegistersOnceAndFindsItAfterARestart) {
  auto accounts = Make();
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  EXPECT_EQ((*accounts)->cas(), std::vector<std::string>{"main"});
  EXPECT_EQ(ErrorReason((*accounts)->ClientFor("main").status()), "NO_ACCOUNT");
  EXPECT_EQ(ErrorReason((*accounts)->ClientFor("other").status()), "CA_UNKNOWN");
  EXPECT_EQ(ca_.requests().size(), 0u);
  EXPECT_EQ(store_->GetAccount("main")->url, "");

  const auto record = (*accounts)->Register("main", true);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->status, "valid");
  EXPECT_EQ(record->contacts, settings_.contacts);
  EXPECT_EQ(record->terms_of_service, "https://ca.test/terms");
  EXPECT_EQ(store_->GetAccount("main")->url, record->url);
  ASSERT_TRUE((*accounts)->ClientFor("main").ok());
  EXPECT_EQ((*(*accounts)->ClientFor("main"))->Thumbprint(), record->key_thumbprint);

  struct stat info;
  ASSERT_EQ(stat(KeyFile().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  accounts = Make();
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  const auto client = (*accounts)->ClientFor("main");
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE((*client)->NewOrder({challenge::Name::Parse("a.example.com").value()}, "").ok());
  EXPECT_EQ(ca_.account_urls().size(), 1u);
}

TEST_F(AccountsTest, ACrashAfterNewAccountLeavesOneAccount) {
  auto accounts = Make();
  ASSERT_TRUE(accounts.ok());
  ca_.Script(Endpoint::kNewAccount, fakes::Fault::LostReply());
  EXPECT_FALSE((*accounts)->Register("main", true).ok());
  EXPECT_EQ(ca_.account_urls().size(), 1u);
  accounts = Make();
  ASSERT_TRUE(accounts.ok());
  const auto record = (*accounts)->Register("main", true);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(ca_.account_urls(), std::vector<std::string>{record->url});
  EXPECT_TRUE(ca_.violations().empty());
}

TEST_F(AccountsTest, TermsMustBeAgreedToUnlessTheKeyHasAnAccount) {
  auto accounts = Make();
  ASSERT_TRUE(accounts.ok());
  const absl::Status status = (*accounts)->Register("main", false).status();
  EXPECT_EQ(ErrorReason(status), "TOS_NOT_AGREED");
  EXPECT_NE(status.message().find("https://ca.test/terms"), absl::string_view::npos) << status;
  EXPECT_TRUE(ca_.account_urls().empty());
  ASSERT_TRUE((*accounts)->Register("main", true).ok());
  EXPECT_TRUE((*accounts)->Register("main", false).ok());
}

TEST_F(AccountsTest, ALostKeyIsNotReplacedInSilence) {
  auto accounts = Make();
  ASSERT_TRUE((*accounts)->Register("main", true).ok());
  const std::string saved = KeyFile() + ".saved";
  ASSERT_EQ(rename(KeyFile().c_str(), saved.c_str()), 0);
  accounts = Make();
  EXPECT_EQ(ErrorReason(accounts.status()), "ACCOUNT_KEY_LOST") << accounts.status();
  EXPECT_NE(access(KeyFile().c_str(), F_OK), 0);
  // Another key in its place.
  ASSERT_TRUE(crypto::CreateFileSigner(KeyFile()).ok());
  EXPECT_EQ(ErrorReason(Make().status()), "ACCOUNT_KEY_LOST");
  ASSERT_EQ(rename(saved.c_str(), KeyFile().c_str()), 0);
  EXPECT_TRUE((*Make())->ClientFor("main").ok());
}

TEST_F(AccountsTest, AKeyFromElsewhereIsTaken) {
  const std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/own.pem");
  const auto key = crypto::CreateFileSigner(path);
  ASSERT_TRUE(key.ok()) << key.status();
  config::v1::KeyConfig config;
  config.set_uri(path);
  settings_.account_key = ReadKeyConfig(config, "", "/etc/issuer.yaml").value();
  auto accounts = Make();
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  const auto record = (*accounts)->Register("main", true);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->key_thumbprint, (*key)->public_key().thumbprint());
  EXPECT_NE(access(KeyFile().c_str(), F_OK), 0) << "made a key that nobody asked for";
  EXPECT_TRUE((*Make())->ClientFor("main").ok());
  // Another key there, or none.
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_NE(Make().status().message().find(path), absl::string_view::npos) << Make().status();
  ASSERT_TRUE(crypto::CreateFileSigner(path).ok());
  const absl::Status status = Make().status();
  EXPECT_EQ(ErrorReason(status), "ACCOUNT_KEY_LOST");
  EXPECT_NE(status.message().find(path), absl::string_view::npos) << status;
  // The key in keys_dir is another one, too.
  settings_.account_key.reset();
  EXPECT_EQ(ErrorReason(Make().status()), "ACCOUNT_KEY_LOST");
}

TEST_F(AccountsTest, AnotherDirectoryIsAnotherCa) {
  auto accounts = Make();
  ASSERT_TRUE((*accounts)->Register("main", true).ok());
  settings_.acme.directory_url = "https://other.test/directory";
  accounts = Make();
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  EXPECT_EQ(ErrorReason((*accounts)->ClientFor("main").status()), "NO_ACCOUNT");
}

// Whatever is asked for, none is registered but by the operator's word.
TEST_F(AccountsTest, AForgottenAccountIsNotMadeAnewByItself) {
  auto accounts = Make();
  const auto before = (*accounts)->Register("main", true);
  ASSERT_TRUE(before.ok());
  ca_.ForgetAccounts();
  for (int start = 0; start < 2; ++start) {
    const absl::Status refused = NewOrder(**accounts, "a.example.com").status();
    EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
    // What the operator does about it.
    EXPECT_NE(refused.message().find("norroy account create main --agree-tos"),
              absl::string_view::npos)
        << refused;
    const auto client = (*accounts)->ClientFor("main");
    EXPECT_FALSE((*client)->GetAuthorization("https://ca.test/authz/1").ok());
    EXPECT_FALSE((*client)->RespondToChallenge("https://ca.test/challenge/1/http-01").ok());
    EXPECT_FALSE((*accounts)->Update("main").ok());
    EXPECT_FALSE((*accounts)->ChangeKey("main").ok());
    accounts = Make();
    ASSERT_TRUE(accounts.ok());
  }
  EXPECT_EQ(ca_.account_urls().size(), 1u);
  EXPECT_EQ(store_->GetAccount("main")->url, before->url);
  const auto after = (*accounts)->Register("main", true);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_TRUE(NewOrder(**accounts, "a.example.com").ok());
}

TEST_F(AccountsTest, TellsTheCaNewContacts) {
  auto accounts = Make();
  EXPECT_EQ(ErrorReason((*accounts)->Update("main").status()), "NO_ACCOUNT");
  ASSERT_TRUE((*accounts)->Register("main", true).ok());
  settings_.contacts = {"mailto:new@example.com", "mailto:second@example.com"};
  accounts = Make();
  const auto updated = (*accounts)->Update("main");
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->contacts, settings_.contacts);
  EXPECT_EQ(store_->GetAccount("main")->contacts, settings_.contacts);
  EXPECT_EQ((*accounts)->Register("main", false)->contacts, settings_.contacts);
  settings_.contacts.clear();
  EXPECT_TRUE((*Make())->Update("main")->contacts.empty());
  EXPECT_TRUE(ca_.violations().empty());
}

TEST_F(AccountsTest, AnIssuerLearnsThatAnotherHasRegistered) {
  const auto one = Make();
  const auto two = Make();
  EXPECT_EQ(ErrorReason((*two)->ClientFor("main").status()), "NO_ACCOUNT");
  ASSERT_TRUE((*one)->Register("main", true).ok());
  clock_.Advance(absl::Seconds(2));
  EXPECT_TRUE(NewOrder(**two, "a.example.com").ok());
}

// Two that each make a key at their first start would have two accounts.
TEST_F(AccountsTest, IssuersOnOneDatabaseShareTheirKeys) {
  const auto one = Make();
  const std::string keys_of_one = dir_;
  dir_ += "-two";
  const auto two = Make();
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(ErrorReason((*one)->Register("main", true).status()), "ACCOUNT_KEY_DIFFERS");
  ASSERT_TRUE((*two)->Register("main", true).ok());
  dir_ = keys_of_one;
  EXPECT_EQ(ErrorReason(Make().status()), "ACCOUNT_KEY_LOST");
}

TEST_F(AccountsTest, AKeyIsNotChangedUnderOtherIssuers) {
  const auto accounts = Make();
  ASSERT_TRUE((*accounts)->Register("main", true).ok());
  other_issuers_ = 1;
  EXPECT_EQ(ErrorReason((*accounts)->ChangeKey("main").status()), "OTHER_ISSUERS");
  other_issuers_ = 0;
  EXPECT_TRUE((*accounts)->ChangeKey("main").ok());
}

// A backup from before a change of the key: the CA knows better than the store.
TEST_F(AccountsTest, AStoreThatIsOlderThanTheKeyIsCorrected) {
  auto accounts = Make();
  ASSERT_TRUE((*accounts)->Register("main", true).ok());
  const store::AccountRecord backup = store_->GetAccount("main").value();
  const auto changed = (*accounts)->ChangeKey("main");
  ASSERT_TRUE(changed.ok()) << changed.status();
  ASSERT_TRUE(store_->PutAccount(backup, changed->key_thumbprint).ok());
  ca_.Script(Endpoint::kNewAccount, fakes::Fault::NotSent());
  EXPECT_EQ(ErrorReason(Make().status()), "ACCOUNT_KEY_LOST");
  accounts = Make();
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  EXPECT_EQ(store_->GetAccount("main")->key_thumbprint, changed->key_thumbprint);
  EXPECT_TRUE(NewOrder(**accounts, "a.example.com").ok());
}

TEST_F(AccountsTest, UnsafeFilesAreRefused) {
  ASSERT_EQ(mkdir(dir_.c_str(), 0755), 0);
  EXPECT_EQ(ErrorReason(Make().status()), "KEYS_DIR");
  ASSERT_EQ(chmod(dir_.c_str(), 0700), 0);
  ASSERT_TRUE(Make().ok());
  ASSERT_EQ(chmod(KeyFile().c_str(), 0640), 0);
  const absl::Status status = Make().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find("account-main.pem"), absl::string_view::npos) << status;
}

TEST_F(AccountsTest, BindsAnExternalAccount) {
  const std::string hmac(32, 'k');
  ca_.Change([&](fakes::FakeCaOptions& options) { options.eab_keys = {{"kid-1", hmac}}; });
  EXPECT_EQ(ErrorReason((*Make())->Register("main", true).status()), "EAB_REQUIRED");
  settings_.eab_kid = "kid-1";
  const std::string good = crypto::Base64Url(hmac);
  const struct {
    std::string text;
    int mode;
    std::string reason;
  } cases[] = {
      {good, 0644, "UNSAFE_FILE"},          {"", 0600, "BAD_EAB_KEY"},
      {"not base64!", 0600, "BAD_EAB_KEY"}, {good + "\n" + good, 0600, "BAD_EAB_KEY"},
      {"c2hvcnQ", 0600, "BAD_EAB_KEY"},     {std::string(1025, 'A'), 0600, "BAD_EAB_KEY"},
      {" " + good + "=\r\n", 0600, ""},
  };
  for (const auto& row : cases) {
    settings_.eab_key_file = WriteEabKey(row.text, row.mode);
    const auto record = (*Make())->Register("main", true);
    EXPECT_EQ(ErrorReason(record.status()), row.reason) << record.status();
  }
  EXPECT_EQ(store_->GetAccount("main")->eab_kid, "kid-1");
  settings_.eab_key_file = "/nowhere/eab.key";
  EXPECT_FALSE((*Make())->Register("main", true).ok());
}

}  // namespace
}  // namespace norroy::keys
