#include "issuer/acme/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/chain.h"
#include "common/error/error.h"
#include "issuer/acme/client_fixture.h"

namespace norroy::acme {
namespace {

using fakes::Endpoint;
using fakes::Fault;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ClientTest : public ClientFixture {
 protected:
  void TearDown() override { EXPECT_THAT(ca_.violations(), IsEmpty()); }
};

TEST_F(ClientTest, ObtainsACertificate) {
  ca_.Change([](fakes::FakeCaOptions& options) {
    options.finalize_polls = 2;
    options.alternate_chains = 2;
  });
  const auto client = RegisteredClient();
  const std::vector<std::string> names = {"www.example.com", "*.example.com", "example.com"};
  const auto chains = Obtain(*client, names);
  ASSERT_TRUE(chains.ok()) << chains.status();
  ASSERT_THAT(*chains, SizeIs(3));
  const auto chain = crypto::CertificateChain::ParsePem((*chains)[0]);
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_TRUE(
      crypto::CheckIssued(*chain, certificate_key_.public_key(), Names(names), clock_.Now()).ok());
  EXPECT_EQ(chain->top_issuer(), "Fake Root");
  EXPECT_EQ(crypto::CertificateChain::ParsePem((*chains)[1])->top_issuer(), "Fake Root X1");
  EXPECT_EQ(crypto::CertificateChain::ParsePem((*chains)[2])->top_issuer(), "Fake Root X2");
  EXPECT_EQ(ca_.orders().at(0).finalizes, 1);
  EXPECT_EQ(client->requests(), static_cast<int64_t>(ca_.requests().size()));
}

TEST_F(ClientTest, ObtainsACertificateForAddressesAndAHundredNames) {
  const auto client = RegisteredClient();
  EXPECT_TRUE(Obtain(*client, {"192.0.2.1", "2001:db8::1"}).ok());
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("n" + std::to_string(i) + ".example.com");
  const auto chains = Obtain(*client, names);
  EXPECT_TRUE(chains.ok()) << chains.status();
}

TEST_F(ClientTest, SpendsOneRequestAStepOnceItHasADirectoryAndANonce) {
  const auto client = RegisteredClient();
  const int64_t before = client->requests();
  EXPECT_EQ(before, 3);  // directory, newNonce, newAccount
  ASSERT_TRUE(Obtain(*client, {"www.example.com"}).ok());
  // newOrder, authorization, challenge, authorization, order, finalize, certificate.
  EXPECT_EQ(client->requests() - before, 7);
}

TEST_F(ClientTest, FindsTheAccountThatTheKeyHas) {
  const auto client = NewClient();
  NewAccount look;
  look.only_return_existing = true;
  const auto none = client->CreateAccount(look);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrorMetadataOf(none.status())["acme_type"], "accountDoesNotExist");
  NewAccount account;
  account.contacts = {"mailto:a@example.com"};
  const auto made = client->CreateAccount(account);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_THAT(made->contacts, ElementsAre("mailto:a@example.com"));
  const auto found = client->CreateAccount(look);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->url, made->url);
  EXPECT_THAT(ca_.account_urls(), ElementsAre(made->url));
}

TEST_F(ClientTest, AgreesToTermsAndBindsExternalAccounts) {
  ca_.Change([](fakes::FakeCaOptions& options) {
    options.terms_of_service = "https://ca.test/terms";
    options.eab_keys = {{"kid-1", "sixteen byte key"}};
  });
  const auto client = NewClient();
  EXPECT_EQ(client->GetDirectory()->terms_of_service, "https://ca.test/terms");
  EXPECT_TRUE(client->GetDirectory()->external_account_required);
  NewAccount account;
  EXPECT_EQ(ErrorMetadataOf(client->CreateAccount(account).status())["acme_type"],
            "userActionRequired");
  account.terms_of_service_agreed = true;
  EXPECT_EQ(ErrorMetadataOf(client->CreateAccount(account).status())["acme_type"],
            "externalAccountRequired");
  ExternalAccount external{"kid-1", crypto::Secret("another, wrong k")};
  account.external_account = &external;
  EXPECT_EQ(client->CreateAccount(account).status().code(), absl::StatusCode::kInvalidArgument);
  external.kid = "kid-2";
  EXPECT_EQ(client->CreateAccount(account).status().code(), absl::StatusCode::kPermissionDenied);
  external = {"kid-1", crypto::Secret("sixteen byte key")};
  const auto made = client->CreateAccount(account);
  EXPECT_TRUE(made.ok()) << made.status();
}

TEST_F(ClientTest, DoesNothingWithoutAnAccount) {
  const auto client = NewClient();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_FALSE(order.ok());
  EXPECT_EQ(order.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(order.status()), "NO_ACCOUNT");
  EXPECT_EQ(client->requests(), 0);
}

// An account that the CA has forgotten is the operator's business.
TEST_F(ClientTest, NeverRegistersByItself) {
  const auto client = RegisteredClient();
  ca_.ForgetAccounts();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_FALSE(order.ok());
  EXPECT_EQ(order.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrorMetadataOf(order.status())["acme_type"], "accountDoesNotExist");
  EXPECT_EQ(ca_.count(Endpoint::kNewAccount), 1);
}

TEST_F(ClientTest, UpdatesContacts) {
  const auto client = RegisteredClient();
  const auto updated =
      client->UpdateAccount({"mailto:a@example.com", "mailto:\"quoted\"@example.com"});
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_THAT(updated->contacts,
              ElementsAre("mailto:a@example.com", "mailto:\"quoted\"@example.com"));
  EXPECT_EQ(updated->url, client->account_url());
  EXPECT_THAT(client->UpdateAccount({})->contacts, IsEmpty());
  EXPECT_EQ(ErrorReason(NewClient()->UpdateAccount({}).status()), "NO_ACCOUNT");
}

TEST_F(ClientTest, ChangesTheAccountsKey) {
  const auto client = RegisteredClient();
  const auto next = crypto::NewKeySigner(*crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const absl::Status changed = client->ChangeKey(*next);
  ASSERT_TRUE(changed.ok()) << changed;
  EXPECT_EQ(client->Thumbprint(), next->public_key().thumbprint());
  EXPECT_EQ(ca_.account_thumbprint(client->account_url()), next->public_key().thumbprint());
  EXPECT_TRUE(client->NewOrder(Names({"www.example.com"}), "").ok());
  // The old key is nobody's any more.
  client->UseKey(*signer_);
  const auto refused = client->NewOrder(Names({"b.example.com"}), "");
  EXPECT_EQ(ErrorMetadataOf(refused.status())["acme_type"], "malformed");
  client->UseKey(*next);
  EXPECT_TRUE(client->NewOrder(Names({"b.example.com"}), "").ok());
}

TEST_F(ClientTest, SignsAKeyChangeWithAFreshNonceEachTime) {
  const auto client = RegisteredClient();
  const auto next = crypto::NewKeySigner(*crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ca_.Script(Endpoint::kKeyChange, Fault::BadNonce(), 2);
  EXPECT_TRUE(client->ChangeKey(*next).ok());
  EXPECT_EQ(ca_.count(Endpoint::kKeyChange), 3);
  EXPECT_EQ(client->Thumbprint(), next->public_key().thumbprint());
}

TEST_F(ClientTest, KeepsTheKeyWhenTheChangeFails) {
  const auto client = RegisteredClient();
  const auto next = crypto::NewKeySigner(*crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ca_.Script(Endpoint::kKeyChange, Fault::LostReply());
  EXPECT_FALSE(client->ChangeKey(*next).ok());
  EXPECT_EQ(client->Thumbprint(), signer_->public_key().thumbprint());
}

TEST_F(ClientTest, NamesTheAccountThatHasTheKey) {
  const auto client = RegisteredClient();
  const auto taken = crypto::NewKeySigner(*crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ClientOptions options;
  options.directory_url = ca_.directory_url();
  const auto other = Client::Make(options, ca_, *taken, clock_, random_);
  const auto account = (*other)->CreateAccount(NewAccount{});
  ASSERT_TRUE(account.ok()) << account.status();
  const absl::Status conflict = client->ChangeKey(*taken);
  EXPECT_EQ(ErrorMetadataOf(conflict)["location"], account->url) << conflict;
  EXPECT_EQ(client->Thumbprint(), signer_->public_key().thumbprint());
}

TEST_F(ClientTest, OffersOnlyProfilesThatTheCaHas) {
  ca_.Change([](fakes::FakeCaOptions& options) {
    options.profiles = {{"classic", "90 days"}, {"shortlived", "6 days"}};
  });
  const auto client = RegisteredClient();
  const auto order = client->NewOrder(Names({"www.example.com"}), "shortlived");
  ASSERT_TRUE(order.ok()) << order.status();
  EXPECT_EQ(ca_.orders().at(0).profile, "shortlived");
  const auto unknown = client->NewOrder(Names({"www.example.com"}), "eternal");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(ErrorReason(unknown.status()), "UNKNOWN_PROFILE");
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("classic, shortlived"));
  EXPECT_EQ(ca_.count(Endpoint::kNewOrder), 1);
}

TEST_F(ClientTest, GetsTheSameOrderForTheSameNames) {
  const auto client = RegisteredClient();
  const auto first = client->NewOrder(Names({"www.example.com"}), "");
  const auto second = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->url, second->url);
  EXPECT_EQ(ca_.orders().at(0).handed_out, 2);
  ca_.Change([](fakes::FakeCaOptions& options) { options.reuse_orders = false; });
  EXPECT_NE(client->NewOrder(Names({"www.example.com"}), "")->url, first->url);
}

TEST_F(ClientTest, ShowsWhyAValidationFailed) {
  ca_.SetValidator([](const fakes::Attempt& attempt) {
    return absl::PermissionDeniedError("404 for " + attempt.token);
  });
  const auto client = RegisteredClient();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_TRUE(order.ok());
  const std::string& url = order->authorizations.at(0);
  const auto pending = client->GetAuthorization(url);
  ASSERT_TRUE(pending.ok());
  ASSERT_THAT(pending->challenges, SizeIs(3));
  ASSERT_TRUE(client->RespondToChallenge(pending->challenges[0].url).ok());
  const auto failed = client->GetAuthorization(url);
  ASSERT_TRUE(failed.ok()) << failed.status();
  EXPECT_EQ(failed->status, AuthorizationStatus::kInvalid);
  ASSERT_NE(failed->problem(), nullptr);
  EXPECT_THAT(failed->problem()->detail, HasSubstr("404 for"));
  const auto invalid = client->GetOrder(order->url);
  ASSERT_TRUE(invalid.ok());
  EXPECT_EQ(invalid->status, OrderStatus::kInvalid);
  EXPECT_TRUE(invalid->error.has_value());
}

TEST_F(ClientTest, KeyAuthorizationsEndInTheThumbprint) {
  std::vector<fakes::Attempt> attempts;
  ca_.SetValidator([&](const fakes::Attempt& attempt) {
    attempts.push_back(attempt);
    return absl::OkStatus();
  });
  const auto client = RegisteredClient();
  ASSERT_TRUE(Obtain(*client, {"*.example.com"}).ok());
  ASSERT_THAT(attempts, SizeIs(1));
  EXPECT_EQ(attempts[0].type, "dns-01");
  EXPECT_EQ(attempts[0].name, "example.com");
  EXPECT_EQ(attempts[0].key_authorization, attempts[0].token + "." + client->Thumbprint());
}

TEST_F(ClientTest, PassesRetryAfterOn) {
  ca_.Change([](fakes::FakeCaOptions& options) {
    options.retry_after_seconds = 30;
    options.finalize_polls = 1;
    options.validation_polls = 1;
  });
  const auto client = RegisteredClient();
  const auto names = Names({"www.example.com"});
  const auto order = client->NewOrder(names, "");
  ASSERT_TRUE(order.ok());
  const auto authorization = client->GetAuthorization(order->authorizations[0]);
  EXPECT_EQ(authorization->retry_after, std::nullopt);
  ASSERT_TRUE(client->RespondToChallenge(authorization->challenges[0].url).ok());
  EXPECT_EQ(client->GetAuthorization(authorization->url)->retry_after,
            clock_.Now() + absl::Seconds(30));
  clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(client->GetAuthorization(authorization->url)->status, AuthorizationStatus::kValid);
  const auto processing = client->Finalize(*client->GetOrder(order->url), Csr(names));
  ASSERT_TRUE(processing.ok()) << processing.status();
  EXPECT_EQ(processing->status, OrderStatus::kProcessing);
  EXPECT_EQ(processing->retry_after, clock_.Now() + absl::Seconds(30));
}

TEST_F(ClientTest, DeactivatesAuthorizations) {
  const auto client = RegisteredClient();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_TRUE(client->DeactivateAuthorization(order->authorizations[0]).ok());
  EXPECT_EQ(client->GetAuthorization(order->authorizations[0])->status,
            AuthorizationStatus::kDeactivated);
  EXPECT_EQ(client->GetOrder(order->url)->status, OrderStatus::kInvalid);
}

TEST_F(ClientTest, RevokesOnceAndForAll) {
  const auto client = RegisteredClient();
  const auto chains = Obtain(*client, {"www.example.com"});
  ASSERT_TRUE(chains.ok());
  const std::string der = crypto::CertificateChain::ParsePem((*chains)[0])->leaf().der();
  for (const int reason : {-1, 2, 6, 7, 8, 10, 11}) {
    const absl::Status status = client->RevokeCertificate(der, reason);
    EXPECT_EQ(ErrorReason(status), "BAD_REVOCATION_REASON") << reason;
  }
  EXPECT_EQ(ca_.count(Endpoint::kRevoke), 0);
  EXPECT_TRUE(client->RevokeCertificate(der, 4).ok());
  EXPECT_TRUE(client->RevokeCertificate(der, 1).ok());  // alreadyRevoked
  EXPECT_THAT(ca_.revocations(), ElementsAre(4));
  const absl::Status unknown = client->RevokeCertificate("no certificate", 0);
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ClientTest, KeepsTheDirectoryForSixHours) {
  const auto client = RegisteredClient();
  EXPECT_EQ(ca_.count(Endpoint::kDirectory), 1);
  clock_.Advance(absl::Hours(6) - absl::Seconds(1));
  ASSERT_TRUE(client->GetDirectory().ok());
  EXPECT_EQ(ca_.count(Endpoint::kDirectory), 1);
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(client->GetDirectory().ok());
  EXPECT_EQ(ca_.count(Endpoint::kDirectory), 2);
}

TEST_F(ClientTest, FollowsADirectoryThatMoved) {
  const auto client = RegisteredClient();
  ca_.MoveEndpoints();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_TRUE(order.ok()) << order.status();
  EXPECT_EQ(ca_.count(Endpoint::kDirectory), 2);
  // newNonce, too.
  ca_.MoveEndpoints();
  ca_.Script(Endpoint::kOrder, Fault::BadNonceWithoutNonce());
  const auto read = client->GetOrder(order->url);
  EXPECT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ca_.count(Endpoint::kDirectory), 3);
}

TEST_F(ClientTest, DoesNotAskTwiceWhereTheDirectoryDidNotMove) {
  const auto client = RegisteredClient();
  ca_.Script(Endpoint::kNewOrder, Fault::Problem(404, "malformed", "gone"), 2);
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_FALSE(order.ok());
  EXPECT_EQ(ca_.count(Endpoint::kNewOrder), 1);
  EXPECT_EQ(ca_.count(Endpoint::kDirectory), 2);
}

}  // namespace
}  // namespace norroy::acme
