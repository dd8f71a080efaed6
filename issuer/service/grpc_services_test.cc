// The issuer's services behind a real listener: mTLS, roles, errors with reasons, the watch stream.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/rpc/credentials.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "issuer/service/account_service.h"
#include "issuer/service/certificate_service.h"
#include "issuer/service/order_service.h"
#include "issuer/service/server_info_service.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {
namespace {

class GrpcServicesTest : public ::testing::Test {
 protected:
  GrpcServicesTest() {
    static int count = 0;
    base_ = absl::StrCat(std::getenv("TEST_TMPDIR"), "/grpc", ++count, "-");
    root_ = identity::MakeRoot("core", "test", clock_.Now(), absl::Hours(24)).value();
    std::ofstream(base_ + "core.pem") << root_->certificate.ToPem();
    WriteIdentity(types::v1::ROLE_ISSUER, "main");
    WriteIdentity(types::v1::ROLE_OPERATOR, "alice");
    WriteIdentity(types::v1::ROLE_AUDITOR, "eve");
    auto server = rpc::Server::Start(
        {.listen = {"127.0.0.1:0"},
         .tls = {base_ + "main.pem", base_ + "core.pem"},
         .services = {&order_service_, &certificate_service_, &account_service_, &info_service_},
         .reflection = true});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~GrpcServicesTest() override { server_->Stop(absl::Seconds(1)); }

  void WriteIdentity(identity::Role role, const std::string& name) {
    crypto::PrivateKey key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
    identity::LeafRequest request;
    request.identity.deployment = "test";
    request.identity.role = role;
    request.identity.name = name;
    request.now = clock_.Now();
    request.lifetime = absl::Hours(12);
    if (role == types::v1::ROLE_ISSUER) request.hosts = {"127.0.0.1"};
    crypto::Certificate leaf = identity::IssueLeaf(*root_, key.public_key(), request).value();
    ASSERT_TRUE(identity::WriteIdentityFile(base_ + name + ".pem", {key, {leaf}}).ok());
  }

  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& name) {
    const auto credentials = rpc::ClientCredentials({base_ + name + ".pem", base_ + "core.pem"},
                                                    "test", types::v1::ROLE_ISSUER);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return rpc::NewChannel(absl::StrCat("127.0.0.1:", server_->ports()[0]), *credentials);
  }

  SystemClock clock_;
  std::string base_;
  std::optional<identity::Authority> root_;
  ServiceFixture f_;
  ThreadPool pool_{4, 16};
  rpc::HandlerEnv env_{pool_, clock_, "test", nullptr};
  OrderService order_service_{env_, f_.orders()};
  CertificateService certificate_service_{env_, f_.certificates(), f_.evidence()};
  AccountService account_service_{env_, f_.account_admin()};
  ServerInfoService info_service_{env_, {"norroy-issuer test", "", clock_.Now()}};
  std::unique_ptr<rpc::Server> server_;
};

TEST_F(GrpcServicesTest, FromOrderToCertificate) {
  const auto stub = issuer::v1::OrderService::NewStub(ChannelOf("alice"));
  issuer::v1::CreateOrderRequest create;
  create.add_names("www.example.com");
  create.set_csr(CsrFor(KeyA(), {"www.example.com"}));
  issuer::v1::CreateOrderResponse created;
  {
    grpc::ClientContext context;
    const absl::Status status = rpc::FromGrpc(stub->CreateOrder(&context, create, &created));
    ASSERT_TRUE(status.ok()) << status;
  }
  issuer::v1::WatchOrderRequest watch;
  watch.set_id(created.order().id());
  grpc::ClientContext context;
  const auto reader = stub->WatchOrder(&context, watch);
  issuer::v1::WatchOrderResponse seen;
  ASSERT_TRUE(reader->Read(&seen));
  EXPECT_EQ(seen.order().state(), issuer::v1::ORDER_STATE_PENDING);
  f_.Work();
  while (reader->Read(&seen)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(seen.order().state(), issuer::v1::ORDER_STATE_VALID);
  EXPECT_FALSE(seen.certificate_pem().empty());

  issuer::v1::GetCertificateRequest get;
  get.set_id(seen.order().certificate_id());
  issuer::v1::GetCertificateResponse certificate;
  grpc::ClientContext get_context;
  const auto certificates = issuer::v1::CertificateService::NewStub(ChannelOf("eve"));
  EXPECT_TRUE(certificates->GetCertificate(&get_context, get, &certificate).ok());
  EXPECT_EQ(certificate.certificate().chains_pem(0), seen.certificate_pem());

  issuer::v1::GetEvidenceRequest ask;
  ask.set_id(seen.order().certificate_id());
  issuer::v1::GetEvidenceResponse evidence;
  grpc::ClientContext ask_context;
  EXPECT_TRUE(certificates->GetEvidence(&ask_context, ask, &evidence).ok());
  EXPECT_EQ(evidence.evidence().creator(), "operator/alice");
}

TEST_F(GrpcServicesTest, RolesAndReasonsTravel) {
  const auto eve = issuer::v1::OrderService::NewStub(ChannelOf("eve"));
  issuer::v1::CreateOrderRequest create;
  create.add_names("www.example.com");
  issuer::v1::CreateOrderResponse created;
  grpc::ClientContext refused;
  EXPECT_EQ(ErrorReason(rpc::FromGrpc(eve->CreateOrder(&refused, create, &created))),
            "ROLE_NOT_ALLOWED");
  const auto alice = issuer::v1::OrderService::NewStub(ChannelOf("alice"));
  create.add_names("a b");
  grpc::ClientContext bad;
  const absl::Status status = rpc::FromGrpc(alice->CreateOrder(&bad, create, &created));
  EXPECT_EQ(ErrorReason(status), "BAD_NAME");
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  issuer::v1::WatchOrderRequest watch;
  watch.set_id(std::string(32, '0'));
  grpc::ClientContext gone;
  issuer::v1::WatchOrderResponse seen;
  const auto reader = alice->WatchOrder(&gone, watch);
  EXPECT_FALSE(reader->Read(&seen));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GrpcServicesTest, AWatcherThatLeavesIsForgotten) {
  const auto stub = issuer::v1::OrderService::NewStub(ChannelOf("alice"));
  issuer::v1::CreateOrderRequest create;
  create.add_names("www.example.com");
  issuer::v1::CreateOrderResponse created;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->CreateOrder(&context, create, &created).ok());
  issuer::v1::WatchOrderRequest watch;
  watch.set_id(created.order().id());
  grpc::ClientContext leaving;
  const auto reader = stub->WatchOrder(&leaving, watch);
  issuer::v1::WatchOrderResponse seen;
  ASSERT_TRUE(reader->Read(&seen));
  leaving.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  f_.Work();
}

TEST_F(GrpcServicesTest, AccountsAndServerInfo) {
  const auto accounts = issuer::v1::AccountService::NewStub(ChannelOf("eve"));
  issuer::v1::ListAccountsResponse listed;
  grpc::ClientContext list_context;
  ASSERT_TRUE(accounts->ListAccounts(&list_context, {}, &listed).ok());
  EXPECT_EQ(listed.accounts_size(), 2);
  const auto info = issuer::v1::ServerInfoService::NewStub(ChannelOf("eve"));
  issuer::v1::GetServerInfoResponse facts;
  grpc::ClientContext info_context;
  ASSERT_TRUE(info->GetServerInfo(&info_context, {}, &facts).ok());
  EXPECT_EQ(facts.version(), "norroy-issuer test");
  EXPECT_EQ(facts.deployment(), "test");
  EXPECT_FALSE(facts.grpc_version().empty());
}

}  // namespace
}  // namespace norroy::service
