#ifndef NORROY_VALIDATOR_SERVICE_SERVERS_FIXTURE_H_
#define NORROY_VALIDATOR_SERVICE_SERVERS_FIXTURE_H_

// The whole validator over mTLS for tests, and its clients: issuer, operator, hosts.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crypto/csr.h"
#include "common/identity/issuing.h"
#include "common/rpc/status.h"
#include "common/rpc/test_deployment.h"
#include "common/sql/database.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.grpc.pb.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"
#include "norroy/validator/v1/enrollment_service.grpc.pb.h"
#include "norroy/validator/v1/presentation_service.grpc.pb.h"
#include "validator/presentation/coordinator_fixture.h"
#include "validator/service/servers.h"

namespace norroy::validator {

using agent::v1::AgentLinkService;
using agent::v1::AttachRequest;
using agent::v1::AttachResponse;
using crypto::PrivateKey;

class ServersTest : public testing::Test {
 protected:
  ServersTest() : database_(*sql::OpenSqlite(":memory:")) {
    EXPECT_TRUE(sql::Migrate(*database_, Store::Migrations()).ok());
    store_ = Store::Make(*database_);
    const std::string identity = deployment_.WriteIdentity(types::v1::ROLE_VALIDATOR, "validator");
    auto servers = Servers::Start({.store = *store_,
                                   .clock = clock_,
                                   .timers = timers_,
                                   .random = random_,
                                   .version = "norroy-validator test",
                                   .deployment = deployment_.name(),
                                   .listen = {"127.0.0.1:0"},
                                   .agent_listen = {"127.0.0.1:0"},
                                   .agent_addresses = {},
                                   .core_tls = deployment_.CoreFiles(identity),
                                   .edge_tls = deployment_.EdgeFiles(identity),
                                   .edge = deployment_.edge(),
                                   .agent_identity_lifetime = absl::Hours(12)});
    EXPECT_TRUE(servers.ok()) << servers.status();
    servers_ = *std::move(servers);
    issuer_ = v1::PresentationService::NewStub(Core(types::v1::ROLE_ISSUER));
    admin_ = v1::AgentAdminService::NewStub(Core(types::v1::ROLE_OPERATOR));
  }

  std::shared_ptr<grpc::Channel> Channel(int port, const std::string& identity_file) {
    const auto credentials = rpc::ClientCredentials(deployment_.CoreFiles(identity_file),
                                                    deployment_.name(), types::v1::ROLE_VALIDATOR);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return rpc::NewChannel(absl::StrCat("127.0.0.1:", port), *credentials);
  }
  std::shared_ptr<grpc::Channel> Core(types::v1::Role role) {
    return Channel(servers_->ports()[0], deployment_.WriteIdentity(role, "somebody"));
  }
  std::shared_ptr<grpc::Channel> Edge(const std::string& identity_file) {
    return Channel(servers_->agent_ports()[0], identity_file);
  }

  // Writes key and chain as an identity file.
  std::string Write(const std::string& name, const PrivateKey& key,
                    const google::protobuf::RepeatedPtrField<std::string>& chain) {
    identity::IdentityFile file{key, {}};
    for (const std::string& der : chain) file.chain.push_back(*crypto::Certificate::ParseDer(der));
    const std::string path = deployment_.directory() + "/" + name + ".pem";
    EXPECT_TRUE(identity::WriteIdentityFile(path, file).ok());
    return path;
  }

  // The operator's part; the file of the bootstrap identity.
  absl::StatusOr<std::string> CreateToken(const std::string& agent,
                                          const std::vector<std::string>& patterns) {
    const PrivateKey key = *PrivateKey::Generate(crypto::KeyType::kP256);
    v1::CreateJoinTokenRequest request;
    request.set_name(agent);
    request.set_csr(*crypto::BuildCsr(key, {}));
    v1::ChallengeGrant* grant = request.add_grants();
    for (const std::string& pattern : patterns) grant->add_patterns(pattern);
    grant->add_types(types::v1::CHALLENGE_TYPE_HTTP_01);
    grpc::ClientContext context;
    v1::CreateJoinTokenResponse response;
    const absl::Status status =
        rpc::FromGrpc(v1::AgentAdminService::NewStub(Core(types::v1::ROLE_OPERATOR))
                          ->CreateJoinToken(&context, request, &response));
    if (!status.ok()) return status;
    EXPECT_EQ(response.agent_addresses(0), absl::StrCat("127.0.0.1:", servers_->agent_ports()[0]));
    return Write("bootstrap-" + agent, key, response.certificate_chain());
  }

  // The host's part; the file of the agent's identity.
  absl::StatusOr<std::string> Enroll(const std::string& agent, const std::string& bootstrap_file) {
    const PrivateKey key = *PrivateKey::Generate(crypto::KeyType::kP256);
    v1::EnrollRequest request;
    request.set_csr(*crypto::BuildCsr(key, {}));
    grpc::ClientContext context;
    v1::EnrollResponse response;
    const absl::Status status = rpc::FromGrpc(
        v1::EnrollmentService::NewStub(Edge(bootstrap_file))->Enroll(&context, request, &response));
    if (!status.ok()) return status;
    EXPECT_EQ(response.name(), agent);
    return Write("agent-" + agent, key, response.certificate_chain());
  }

  std::string MakeAgent(const std::string& agent,
                        const std::vector<std::string>& patterns = {".example.com"}) {
    const auto bootstrap = CreateToken(agent, patterns);
    EXPECT_TRUE(bootstrap.ok()) << bootstrap.status();
    const auto file = Enroll(agent, *bootstrap);
    EXPECT_TRUE(file.ok()) << file.status();
    return *file;
  }

  absl::StatusOr<v1::PresentResponse> Present(const v1::PresentRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(40));
    v1::PresentResponse response;
    const absl::Status status = rpc::FromGrpc(issuer_->Present(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  v1::Agent GetAgent(const std::string& name) {
    grpc::ClientContext context;
    v1::GetAgentRequest request;
    request.set_name(name);
    v1::GetAgentResponse response;
    EXPECT_TRUE(admin_->GetAgent(&context, request, &response).ok());
    return response.agent();
  }
  // What a stream leads to becomes true a moment later.
  bool Eventually(const std::function<bool()>& condition) {
    const absl::Time end = absl::Now() + absl::Seconds(20);
    Mutex mutex;
    CondVar pause;
    while (absl::Now() < end) {
      if (condition()) return true;
      MutexLock lock(&mutex);
      pause.WaitFor(&mutex, absl::Milliseconds(5));
    }
    return false;
  }

  rpc::TestDeployment deployment_;
  SystemClock clock_;
  ThreadTimers timers_;
  crypto::SystemRandom random_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Servers> servers_;
  std::unique_ptr<v1::PresentationService::Stub> issuer_;
  std::unique_ptr<v1::AgentAdminService::Stub> admin_;
};

// An agent's end of the stream.
class Host {
 public:
  Host(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(AgentLinkService::NewStub(channel)), stream_(stub_->Attach(&context_)) {}
  ~Host() { context_.TryCancel(); }

  static AttachRequest Hello(int protocol_min = 1, int protocol_max = 1) {
    AttachRequest message;
    message.mutable_hello()->set_version("test \x1b agent");
    message.mutable_hello()->set_protocol_min(protocol_min);
    message.mutable_hello()->set_protocol_max(protocol_max);
    message.mutable_hello()->add_types(types::v1::CHALLENGE_TYPE_HTTP_01);
    message.mutable_hello()->add_scope(".example.com");
    *message.mutable_hello()->mutable_now() = ToTimestamp(absl::Now() + absl::Seconds(90));
    return message;
  }

  bool Write(const AttachRequest& message) { return stream_->Write(message); }
  std::optional<AttachResponse> Read() {
    AttachResponse message;
    if (!stream_->Read(&message)) return std::nullopt;
    return message;
  }
  // Until the stream ends.
  absl::Status End() {
    while (Read().has_value()) {
    }
    return rpc::FromGrpc(stream_->Finish());
  }
  void SayGoodbye() { stream_->WritesDone(); }
  // Says hello, and has the answer read.
  void Greet() {
    EXPECT_TRUE(Write(Hello()));
    const auto hello = Read();
    ASSERT_TRUE(hello.has_value() && hello->has_hello());
    EXPECT_EQ(hello->hello().protocol(), 1);
  }
  void Serve(const agent::v1::PutUp& put_up) {
    AttachRequest message;
    for (const auto& sealed : put_up.proofs()) {
      types::v1::SealBody body;
      EXPECT_TRUE(body.ParseFromString(sealed.body()));
      message.mutable_put_up_result()->set_presentation_id(body.presentation_id());
      message.mutable_put_up_result()->set_generation(body.generation());
      message.mutable_put_up_result()->add_results()->set_served(true);
    }
    EXPECT_TRUE(Write(message));
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<AgentLinkService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<AttachRequest, AttachResponse>> stream_;
};

inline v1::PresentRequest RequestFor(const std::string& id, const std::string& name) {
  v1::PresentRequest request;
  request.set_presentation_id(id);
  request.set_generation(1);
  *request.add_proofs() =
      SealedFor(id, 1, name, challenge::ChallengeType::kHttp01, absl::Now() + absl::Minutes(15));
  return request;
}

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_SERVERS_FIXTURE_H_
