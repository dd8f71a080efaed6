#include "issuer/acme/client_fixture.h"

#include "common/status_macros.h"

namespace norroy::acme {

ClientFixture::ClientFixture()
    : clock_(absl::FromUnixSeconds(1'772'366'400)),
      ca_([this] {
        fakes::FakeCaOptions options;
        options.clock = &clock_;
        return options;
      }()),
      signer_(crypto::NewKeySigner(*crypto::PrivateKey::Generate(crypto::KeyType::kP256))),
      certificate_key_(*crypto::PrivateKey::Generate(crypto::KeyType::kP256)) {
  ca_.SetValidator([](const fakes::Attempt&) { return absl::OkStatus(); });
}

std::unique_ptr<Client> ClientFixture::NewClient() {
  ClientOptions options;
  options.directory_url = ca_.directory_url();
  options.sleep = [this](absl::Duration pause) { sleeps_.push_back(pause); };
  auto client = Client::Make(options, ca_, *signer_, clock_, random_);
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

std::unique_ptr<Client> ClientFixture::RegisteredClient() {
  std::unique_ptr<Client> client = NewClient();
  const auto account = client->CreateAccount(NewAccount{});
  EXPECT_TRUE(account.ok()) << account.status();
  if (account.ok()) client->SetAccountUrl(account->url);
  return client;
}

std::vector<challenge::Name> ClientFixture::Names(const std::vector<std::string>& texts) {
  const auto names = challenge::ParseNames(texts);
  EXPECT_TRUE(names.ok()) << names.status();
  return *names;
}

std::string ClientFixture::Csr(const std::vector<challenge::Name>& names) const {
  const auto csr = crypto::BuildCsr(certificate_key_, names);
  EXPECT_TRUE(csr.ok()) << csr.status();
  return *csr;
}

absl::Status ClientFixture::Validate(Client& client, const Order& order) {
  for (const std::string& url : order.authorizations) {
    NORROY_ASSIGN_OR_RETURN(const Authorization authorization, client.GetAuthorization(url));
    if (authorization.status != AuthorizationStatus::kPending) continue;
    NORROY_RETURN_IF_ERROR(client.RespondToChallenge(authorization.challenges.at(0).url));
    NORROY_ASSIGN_OR_RETURN(const Authorization after, client.GetAuthorization(url));
    EXPECT_EQ(after.status, AuthorizationStatus::kValid);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ClientFixture::Obtain(
    Client& client, const std::vector<std::string>& texts) {
  const std::vector<challenge::Name> names = Names(texts);
  NORROY_ASSIGN_OR_RETURN(const Order order, client.NewOrder(names, ""));
  NORROY_RETURN_IF_ERROR(Validate(client, order));
  NORROY_ASSIGN_OR_RETURN(const Order ready, client.GetOrder(order.url));
  EXPECT_EQ(ready.status, OrderStatus::kReady);
  NORROY_ASSIGN_OR_RETURN(Order after, client.Finalize(ready, Csr(names)));
  for (int polls = 0; after.status == OrderStatus::kProcessing && polls < 10; ++polls) {
    NORROY_ASSIGN_OR_RETURN(after, client.GetOrder(order.url));
  }
  EXPECT_EQ(after.status, OrderStatus::kValid);
  return client.DownloadCertificate(after.certificate);
}

}  // namespace norroy::acme
