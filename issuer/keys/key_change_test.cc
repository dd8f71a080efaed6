// Changes of an account's key: what is asked of whom, and that none cut short anywhere loses
// anything.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/crypto/signer.h"
#include "common/error/error.h"
#include "issuer/keys/accounts_fixture.h"

namespace norroy::keys {
namespace {

using fakes::Endpoint;
using fakes::Fault;
using ::testing::HasSubstr;

class KeyChangeTest : public AccountsFixture {
 protected:
  void SetUp() override {
    ca_.SetValidator([](const fakes::Attempt&) { return absl::OkStatus(); });
    Start();
    const auto record = accounts_->Register("main", true);
    ASSERT_TRUE(record.ok()) << record.status();
    before_ = *record;
  }
  void TearDown() override { EXPECT_THAT(ca_.violations(), ::testing::IsEmpty()); }

  void Start() {
    accounts_.reset();
    auto accounts = Make();
    ASSERT_TRUE(accounts.ok()) << accounts.status();
    accounts_ = *std::move(accounts);
  }
  std::string AtTheCa() { return ca_.account_thumbprint(before_.url); }
  std::string InTheStore() { return store_->GetAccount("main")->key_thumbprint; }
  static std::string Thumbprint(const std::string& path) {
    return crypto::OpenFileSigner(path).value()->public_key().thumbprint();
  }
  acme::Client& Client() { return **accounts_->ClientFor("main"); }

  // One account, one key, and it works; nothing is left of a change.
  void ExpectSettled(bool changed) {
    const auto order = NewOrder(*accounts_, "settled.example.com");
    EXPECT_TRUE(order.ok()) << order.status();
    EXPECT_EQ(ca_.account_urls(), std::vector<std::string>{before_.url});
    EXPECT_EQ(AtTheCa() != before_.key_thumbprint, changed);
    EXPECT_EQ(InTheStore(), AtTheCa());
    EXPECT_EQ(Client().Thumbprint(), AtTheCa());
    EXPECT_EQ(Thumbprint(KeyFile()), AtTheCa());
    EXPECT_FALSE(Exists(NextKeyFile()));
  }

  store::AccountRecord before_;
  std::unique_ptr<Accounts> accounts_;
};

TEST_F(KeyChangeTest, ThenTheNewKeySigns) {
  const auto changed = accounts_->ChangeKey("main");
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->url, before_.url);
  EXPECT_EQ(changed->key_thumbprint, AtTheCa());
  ExpectSettled(/*changed=*/true);
  struct stat info;
  ASSERT_EQ(stat(KeyFile().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  Start();
  ExpectSettled(/*changed=*/true);
  ASSERT_TRUE(accounts_->ChangeKey("main").ok());
  EXPECT_NE(AtTheCa(), changed->key_thumbprint);
  ExpectSettled(/*changed=*/true);
}

// The new key is on the disk, readable by nobody else, before any request bears it.
TEST_F(KeyChangeTest, TheNewKeyIsStoredBeforeTheCaIsAsked) {
  std::string next;
  unsigned mode = 0;
  ca_.SetTamper([&](Endpoint endpoint, const http::Request&, http::Response&) {
    if (endpoint != Endpoint::kKeyChange) return;
    struct stat info;
    if (stat(NextKeyFile().c_str(), &info) == 0) mode = info.st_mode & 0777;
    next = Thumbprint(NextKeyFile());
    EXPECT_EQ(Thumbprint(KeyFile()), before_.key_thumbprint);
    EXPECT_EQ(InTheStore(), before_.key_thumbprint);
  });
  ASSERT_TRUE(accounts_->ChangeKey("main").ok());
  EXPECT_EQ(next, AtTheCa());
  EXPECT_EQ(mode, 0600u);
}

// The process dies after each step; what the CA did decides.
TEST_F(KeyChangeTest, ACrashAfterAnyStepLosesNothing) {
  for (const std::string step : {"written", "changed", "stored", "filed"}) {
    SCOPED_TRACE(step);
    before_ = store_->GetAccount("main").value();
    after_step_ = [&](absl::string_view at) {
      return at == step ? absl::AbortedError("crash") : absl::OkStatus();
    };
    Start();
    EXPECT_TRUE(absl::IsAborted(accounts_->ChangeKey("main").status()));
    after_step_ = nullptr;
    Start();
    ExpectSettled(/*changed=*/true);
    Start();
    ExpectSettled(/*changed=*/true);
  }
}

// The same with a key that is configured: there is no file to rename, and the configuration is not
// ours to edit.
TEST_F(KeyChangeTest, ACrashOnTheWayToAConfiguredKeyLosesNothing) {
  int keys = 0;
  for (const std::string step : {"", "written", "changed", "stored", "filed"}) {
    SCOPED_TRACE(step);
    before_ = store_->GetAccount("main").value();
    const KeyLocation next = NewKeyElsewhere(absl::StrCat("next", ++keys, ".pem"));
    settings_.next_account_key = next;
    after_step_ = [&](absl::string_view at) {
      return at == step ? absl::AbortedError("crash") : absl::OkStatus();
    };
    Start();
    EXPECT_EQ(accounts_->ChangeKey("main").ok(), step.empty());
    after_step_ = nullptr;
    for (int start = 0; start < 2; ++start) {
      Start();
      EXPECT_TRUE(NewOrder(*accounts_, "a.example.com").ok());
      EXPECT_EQ(AtTheCa(), Thumbprint(next.path));
      EXPECT_EQ(InTheStore(), AtTheCa());
      EXPECT_EQ(Client().Thumbprint(), AtTheCa());
    }
    EXPECT_FALSE(Exists(dir_ + "/account-main.changing"));
    // It is the account's already.
    EXPECT_EQ(ErrorReason(accounts_->ChangeKey("main").status()), "NEXT_KEY_MISSING");
    // As the operator is told.
    settings_.account_key = next;
    settings_.next_account_key.reset();
    Start();
    EXPECT_TRUE(NewOrder(*accounts_, "a.example.com").ok());
    const absl::Status missing = accounts_->ChangeKey("main").status();
    EXPECT_EQ(ErrorReason(missing), "NEXT_KEY_MISSING");
    EXPECT_THAT(std::string(missing.message()), HasSubstr("next_account_key"));
  }
}

// What becomes of the one request.
TEST_F(KeyChangeTest, LostRequestsAndAnswersAreFoundOut) {
  const struct {
    Fault fault;
    bool ok, changed;
  } cases[] = {
      {Fault::LostReply(), true, true},
      {Fault::LostRequest(), true, true},
      {Fault::Problem(500, "serverInternal", "busy"), true, true},
      {Fault::Reply(302, "text/html", "elsewhere"), true, true},
      {Fault::NotSent(), false, false},
      {Fault::Problem(400, "badPublicKey", "not that one"), false, false},
      {Fault::Problem(429, "rateLimited", "later"), false, false},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.fault.response.body);
    before_ = store_->GetAccount("main").value();
    ca_.Script(Endpoint::kKeyChange, row.fault);
    const auto changed = accounts_->ChangeKey("main");
    EXPECT_EQ(changed.ok(), row.ok) << changed.status();
    ExpectSettled(row.changed);
    Start();
    ExpectSettled(row.changed);
  }
}

// The CA is gone in the worst moment: the account rests until it is back.
TEST_F(KeyChangeTest, NobodyKnowsUntilTheCaAnswers) {
  for (const Fault& fault : {Fault::LostReply(), Fault::LostRequest()}) {
    for (const bool restart : {false, true}) {
      SCOPED_TRACE(restart);
      before_ = store_->GetAccount("main").value();
      ca_.Script(Endpoint::kKeyChange, fault);
      ca_.Script(Endpoint::kNewAccount, Fault::NotSent(), 2);
      const absl::Status unsettled = accounts_->ChangeKey("main").status();
      EXPECT_EQ(ErrorReason(unsettled), "ACCOUNT_KEY_UNSETTLED") << unsettled;
      EXPECT_TRUE(absl::IsUnavailable(unsettled));
      // Both keys are there.
      EXPECT_EQ(Thumbprint(KeyFile()), before_.key_thumbprint);
      EXPECT_TRUE(Exists(NextKeyFile()));
      const int asked = ca_.count(Endpoint::kNewAccount);
      if (restart) Start();
      if (!restart) {
        // Not asked again at once.
        EXPECT_EQ(ErrorReason(NewOrder(*accounts_, "a.example.com").status()),
                  "ACCOUNT_KEY_UNSETTLED");
        EXPECT_EQ(ca_.count(Endpoint::kNewAccount), asked);
        clock_.Advance(absl::Seconds(6));
      }
      EXPECT_EQ(ErrorReason(NewOrder(*accounts_, "a.example.com").status()),
                "ACCOUNT_KEY_UNSETTLED");
      clock_.Advance(absl::Seconds(6));
      ExpectSettled(/*changed=*/true);
    }
  }
}

TEST_F(KeyChangeTest, AKeyOfAnotherAccountIsRefused) {
  // Another account, by a key that is then configured.
  const KeyLocation taken = NewKeyElsewhere("taken.pem");
  {
    const auto signer = crypto::OpenFileSigner(taken.path).value();
    const auto other = acme::Client::Make(settings_.acme, ca_, *signer, clock_, random_).value();
    acme::NewAccount request;
    request.terms_of_service_agreed = true;
    ASSERT_TRUE(other->CreateAccount(request).ok());
  }
  settings_.next_account_key = taken;
  Start();
  const absl::Status refused = accounts_->ChangeKey("main").status();
  EXPECT_EQ(ErrorReason(refused), "ACCOUNT_KEY_TAKEN") << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr(ca_.account_urls().at(1)));
  EXPECT_EQ(AtTheCa(), before_.key_thumbprint);
  EXPECT_TRUE(NewOrder(*accounts_, "a.example.com").ok());
}

// A refused key is kept: nobody deletes what could have become the account's.
TEST_F(KeyChangeTest, ARefusedKeyIsKept) {
  std::string next;
  after_step_ = [&](absl::string_view step) {
    if (step == "written") next = Thumbprint(NextKeyFile());
    return absl::OkStatus();
  };
  Start();
  ca_.Script(Endpoint::kKeyChange, Fault::Problem(403, "unauthorized", "no"));
  EXPECT_FALSE(accounts_->ChangeKey("main").ok());
  EXPECT_EQ(Thumbprint(absl::StrCat(dir_, "/account-main.refused-", next.substr(0, 8), ".pem")),
            next);
}

TEST_F(KeyChangeTest, NothingBeginsWithoutAnAccountOrKeyChange) {
  settings_.name = "main";
  ca_.SetTamper([](Endpoint endpoint, const http::Request&, http::Response& reply) {
    if (endpoint != Endpoint::kDirectory) return;
    const size_t at = reply.body.find("\"keyChange\"");
    reply.body.replace(at, 11, "\"noChange1\"");
  });
  Start();
  EXPECT_EQ(ErrorReason(accounts_->ChangeKey("main").status()), "CA_LACKS");
  ca_.SetTamper(nullptr);
  settings_.acme.directory_url = "https://other.test/directory";
  Start();
  EXPECT_EQ(ErrorReason(accounts_->ChangeKey("main").status()), "NO_ACCOUNT");
  EXPECT_FALSE(Exists(NextKeyFile()));
}

// What the CA looks at rests on the old key: it is waited for; what it was not told of yet is put
// up anew.
TEST_F(KeyChangeTest, ProofsOfTheOldKeyAreNeverShownToTheCa) {
  ca_.Change([](fakes::FakeCaOptions& options) { options.validation_polls = 1; });
  const auto told = NewOrder(*accounts_, "told.example.com");
  const auto later = NewOrder(*accounts_, "later.example.com");
  ASSERT_TRUE(told.ok() && later.ok());
  const auto looked = Client().GetAuthorization(told->authorizations[0]);
  const auto waiting = Client().GetAuthorization(later->authorizations[0]);
  ASSERT_TRUE(looked.ok() && waiting.ok());
  ASSERT_TRUE(Client().RespondToChallenge(looked->challenges[0].url).ok());

  EXPECT_EQ(ErrorReason(accounts_->ChangeKey("main").status()), "VALIDATIONS_UNDER_WAY");
  EXPECT_EQ(AtTheCa(), before_.key_thumbprint);
  EXPECT_FALSE(Exists(NextKeyFile()));

  // The flow's own polling brings the verdict.
  EXPECT_TRUE(Client().GetAuthorization(looked->url).ok());
  const auto ready = Client().GetOrder(told->url);
  ASSERT_TRUE(ready.ok());
  ASSERT_EQ(ready->status, acme::OrderStatus::kReady);
  ASSERT_TRUE(accounts_->ChangeKey("main").ok());

  const std::string& url = waiting->challenges[0].url;
  const absl::Status stale = Client().RespondToChallenge(url);
  EXPECT_EQ(ErrorReason(stale), "ACCOUNT_KEY_CHANGED") << stale;
  EXPECT_TRUE(absl::IsUnavailable(stale));
  EXPECT_EQ(ca_.count(Endpoint::kChallenge), 1);
  // Until it was read anew.
  EXPECT_EQ(ErrorReason(Client().RespondToChallenge(url)), "ACCOUNT_KEY_CHANGED");
  ASSERT_TRUE(Client().GetAuthorization(waiting->url).ok());
  EXPECT_TRUE(Client().RespondToChallenge(url).ok());
}

TEST_F(KeyChangeTest, WaitsForAVerdictThatComes) {
  verdicts_limit_ = absl::Seconds(30);
  Start();
  ca_.Change([](fakes::FakeCaOptions& options) { options.validation_polls = 1; });
  const auto order = NewOrder(*accounts_, "told.example.com");
  const auto authorization = Client().GetAuthorization(order->authorizations[0]);
  ASSERT_TRUE(Client().RespondToChallenge(authorization->challenges[0].url).ok());
  std::thread flow([&] {
    while (Client().GetOrder(order->url)->status == acme::OrderStatus::kPending) {
      EXPECT_TRUE(Client().GetAuthorization(authorization->url).ok());
    }
  });
  EXPECT_TRUE(accounts_->ChangeKey("main").ok());
  flow.join();
  EXPECT_NE(AtTheCa(), before_.key_thumbprint);
}

// No request is refused for bearing a key that is not the account's.
TEST_F(KeyChangeTest, RequestsUnderWayKeepOutOfItsWay) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> flows;
  for (int i = 0; i < 4; ++i) {
    flows.emplace_back([&, i] {
      while (!stop) {
        const auto order = NewOrder(*accounts_, absl::StrCat("n", i, ".example.com"));
        EXPECT_TRUE(order.ok()) << order.status();
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    const auto changed = accounts_->ChangeKey("main");
    EXPECT_TRUE(changed.ok()) << changed.status();
  }
  stop = true;
  for (std::thread& flow : flows) flow.join();
  ExpectSettled(/*changed=*/true);
}

}  // namespace
}  // namespace norroy::keys
