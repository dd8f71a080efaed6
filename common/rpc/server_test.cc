#include "common/rpc/server.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/method_handler.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error/error.h"
#include "common/rpc/handler.h"
#include "common/rpc/test_deployment.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "norroy/issuer/v1/server_info_service.grpc.pb.h"

namespace norroy::rpc {
namespace {

using issuer::v1::GetServerInfoRequest;
using issuer::v1::GetServerInfoResponse;
using issuer::v1::ServerInfoService;

class InfoService final : public ServerInfoService::CallbackService {
 public:
  explicit InfoService(const HandlerEnv& env) : env_(env) {}
  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const GetServerInfoRequest* request,
                                          GetServerInfoResponse* response) override {
    return Unary(env_, context, request, response,
                 [](const Call&, const GetServerInfoRequest&) { return GetServerInfoResponse(); });
  }

 private:
  const HandlerEnv& env_;
};

// A service that no proto of ours describes.
class UndescribedService final : public grpc::Service {
 public:
  UndescribedService() {
    AddMethod(new grpc::internal::RpcServiceMethod("/norroy.test.v1.Nothing/Call",
                                                   grpc::internal::RpcMethod::NORMAL_RPC,
                                                   new grpc::internal::UnknownMethodHandler("")));
  }
};

class ServerTest : public testing::Test {
 protected:
  ServerOptions Options() {
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.tls =
        deployment_.CoreFiles(deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "issuer"));
    options.services = {&service_};
    return options;
  }
  void Start(const ServerOptions& options) {
    auto server = Server::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::string Target() const { return absl::StrCat("127.0.0.1:", server_->ports()[0]); }
  TlsFiles Operator() {
    return deployment_.CoreFiles(deployment_.WriteIdentity(types::v1::ROLE_OPERATOR, "alice"));
  }
  // What a call comes back with under these credentials.
  grpc::Status Call(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                    std::string* server_certificate = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    GetServerInfoResponse response;
    const grpc::Status status = ServerInfoService::NewStub(NewChannel(Target(), credentials))
                                    ->GetServerInfo(&context, {}, &response);
    if (status.ok() && server_certificate != nullptr) {
      const auto pem = context.auth_context()->FindPropertyValues("x509_pem_cert").at(0);
      *server_certificate = std::string(pem.data(), pem.size());
    }
    return status;
  }

  TestDeployment deployment_;
  SystemClock clock_;
  ThreadPool pool_{2, 16};
  HandlerEnv env_{pool_, clock_, deployment_.name(), nullptr};
  InfoService service_{env_};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, OnlyOurOwnGetThrough) {
  Start(Options());
  TestDeployment foreign(deployment_.name());
  const std::string foreign_operator = foreign.WriteIdentity(types::v1::ROLE_OPERATOR, "alice");
  const std::string agent =
      deployment_.WriteIdentity(types::v1::ROLE_AGENT, "web1", std::string(32, 'a'));
  const TlsFiles ours = Operator();
  const std::string name = deployment_.name();
  const struct {
    const char* what;
    TlsFiles files;
    std::string deployment;
    types::v1::Role server_role;
    bool ok;
  } cases[] = {
      {"ours", ours, name, types::v1::ROLE_ISSUER, true},
      {"a client of another root", deployment_.CoreFiles(foreign_operator), name,
       types::v1::ROLE_ISSUER, false},
      {"a client under the edge root", deployment_.CoreFiles(agent), name, types::v1::ROLE_ISSUER,
       false},
      {"a server of another root", foreign.CoreFiles(ours.identity_file), name,
       types::v1::ROLE_ISSUER, false},
      {"a server of another role", ours, name, types::v1::ROLE_VALIDATOR, false},
      {"a server of another deployment", ours, "other", types::v1::ROLE_ISSUER, false},
  };
  for (const auto& c : cases) {
    const auto credentials = ClientCredentials(c.files, c.deployment, c.server_role);
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    const grpc::Status status = Call(*credentials);
    EXPECT_EQ(status.error_code(), c.ok ? grpc::OK : grpc::UNAVAILABLE)
        << c.what << ": " << status.error_message();
  }
}

TEST_F(ServerTest, NoCertificateNoCall) {
  Start(Options());
  EXPECT_EQ(Call(grpc::InsecureChannelCredentials()).error_code(), grpc::UNAVAILABLE);
  grpc::SslCredentialsOptions anonymous;
  anonymous.pem_root_certs = deployment_.core_root().certificate.ToPem();
  EXPECT_EQ(Call(grpc::SslCredentials(anonymous)).error_code(), grpc::UNAVAILABLE);
}

TEST_F(ServerTest, ANewIdentityIsPickedUp) {
  Start(Options());
  const auto credentials =
      ClientCredentials(Operator(), deployment_.name(), types::v1::ROLE_ISSUER);
  std::string first;
  ASSERT_TRUE(Call(*credentials, &first).ok());
  deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "issuer");
  Mutex mutex;
  CondVar pause;
  std::string now = first;
  const absl::Time end = absl::Now() + absl::Seconds(15);
  while (now == first && absl::Now() < end) {
    // New credentials each time: a channel would keep its connection.
    const auto fresh = ClientCredentials(Operator(), deployment_.name(), types::v1::ROLE_ISSUER);
    ASSERT_TRUE(Call(*fresh, &now).ok());
    MutexLock lock(&mutex);
    pause.WaitFor(&mutex, absl::Milliseconds(50));
  }
  EXPECT_NE(now, first);
}

TEST_F(ServerTest, WhatCannotBeReadIsRefusedAtOnce) {
  ServerOptions options = Options();
  options.tls.identity_file = deployment_.directory() + "/none.pem";
  EXPECT_FALSE(Server::Start(options).ok());
  options = Options();
  options.tls.root_file = deployment_.directory() + "/none.pem";
  EXPECT_FALSE(Server::Start(options).ok());
  options = Options();
  ASSERT_TRUE(identity::WriteFileAtomically(deployment_.directory() + "/bad.pem", "x", 0600).ok());
  options.tls.root_file = deployment_.directory() + "/bad.pem";
  const auto server = Server::Start(options);
  ASSERT_FALSE(server.ok());
  EXPECT_NE(server.status().message().find("bad.pem"), absl::string_view::npos);
}

TEST_F(ServerTest, AnAddressInUseIsNamed) {
  Start(Options());
  ServerOptions options = Options();
  options.listen = {"127.0.0.1:0", Target()};
  const auto second = Server::Start(options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(ErrorReason(second.status()), "CANNOT_LISTEN");
  EXPECT_NE(second.status().message().find(Target()), absl::string_view::npos) << second.status();
}

TEST_F(ServerTest, EveryMethodMustNameItsCallers) {
  UndescribedService undescribed;
  ServerOptions options = Options();
  options.services.push_back(&undescribed);
  const auto server = Server::Start(options);
  ASSERT_FALSE(server.ok());
  EXPECT_NE(server.status().message().find("norroy.test.v1.Nothing"), absl::string_view::npos);
}

grpc::StatusCode AskReflection(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  void* tag;
  bool ok;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  call->WritesDone(nullptr);
  queue.Next(&tag, &ok);
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  return status.error_code();
}

TEST_F(ServerTest, HealthAlwaysReflectionIfAsked) {
  for (const bool reflection : {false, true, false}) {
    ServerOptions options = Options();
    options.reflection = reflection;
    Start(options);
    const auto credentials =
        ClientCredentials(Operator(), deployment_.name(), types::v1::ROLE_ISSUER);
    const auto channel = NewChannel(Target(), *credentials);
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse health;
    const auto status = grpc::health::v1::Health::NewStub(channel)->Check(&context, {}, &health);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(health.status(), grpc::health::v1::HealthCheckResponse::SERVING);
    EXPECT_EQ(AskReflection(channel), reflection ? grpc::OK : grpc::UNIMPLEMENTED);
  }
}

TEST(DisableTlsResumption, EveryContextHasNoTickets) {
  DisableTlsResumption();
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  ASSERT_NE(context, nullptr);
  EXPECT_TRUE(SSL_CTX_get_options(context) & SSL_OP_NO_TICKET);
  EXPECT_EQ(SSL_CTX_get_num_tickets(context), 0u);
  EXPECT_EQ(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
  SSL_CTX_free(context);
}

}  // namespace
}  // namespace norroy::rpc
