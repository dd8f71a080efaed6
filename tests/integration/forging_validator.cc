#include "tests/integration/forging_validator.h"

#include <atomic>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/join/join_token.h"

namespace norroy::tests {
namespace {

constexpr char kEnrollmentId[] = "0123456789abcdef0123456789abcdef";
constexpr absl::Duration kPatience = absl::Seconds(20);

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  NORROY_CHECK(value.ok());
  return *std::move(value);
}

identity::LeafRequest EdgeLeaf(const rpc::TestDeployment& deployment, identity::Role role,
                               const std::string& name) {
  identity::LeafRequest leaf;
  leaf.identity.deployment = deployment.name();
  leaf.identity.role = role;
  leaf.identity.name = name;
  leaf.identity.enrollment_id = kEnrollmentId;
  leaf.now = absl::Now();
  leaf.lifetime = absl::Hours(48);
  return leaf;
}

}  // namespace

class ForgingValidator::Link final : public agent::v1::AgentLinkService::Service {
  using Stream = grpc::ServerReaderWriter<agent::v1::AttachResponse, agent::v1::AttachRequest>;

 public:
  grpc::Status Attach(grpc::ServerContext*, Stream* stream) override {
    agent::v1::AttachRequest message;
    if (!stream->Read(&message) || !message.has_hello()) return grpc::Status::CANCELLED;
    agent::v1::AttachResponse hello;
    hello.mutable_hello()->set_version("forged");
    hello.mutable_hello()->set_protocol(1);
    const int64_t now = absl::ToUnixSeconds(absl::Now());
    hello.mutable_hello()->mutable_now()->set_seconds(now);
    stream->Write(hello);
    {
      MutexLock lock(&mutex_);
      hello_ = message.hello();
      stream_ = stream;
    }
    changed_.SignalAll();
    while (stream->Read(&message)) {
      if (message.has_counters()) continue;
      MutexLock lock(&mutex_);
      answers_.push_back(message);
      changed_.SignalAll();
    }
    MutexLock lock(&mutex_);
    if (stream_ == stream) {
      stream_ = nullptr;
      hello_.reset();
    }
    changed_.SignalAll();
    return grpc::Status::OK;
  }

  agent::v1::AgentHello WaitForAgent() {
    MutexLock lock(&mutex_);
    const absl::Time end = absl::Now() + kPatience;
    while (!hello_.has_value() && absl::Now() < end) changed_.WaitFor(&mutex_, absl::Seconds(1));
    NORROY_CHECK(hello_.has_value());
    return *hello_;
  }

  std::optional<agent::v1::AttachRequest> Tell(const agent::v1::AttachResponse& message) {
    MutexLock lock(&mutex_);
    if (stream_ == nullptr) return std::nullopt;
    answers_.clear();
    stream_->Write(message);
    const absl::Time end = absl::Now() + absl::Seconds(5);
    while (answers_.empty() && stream_ != nullptr && absl::Now() < end) {
      changed_.WaitFor(&mutex_, absl::Milliseconds(200));
    }
    if (answers_.empty()) return std::nullopt;
    return answers_.front();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<agent::v1::AgentHello> hello_ ABSL_GUARDED_BY(mutex_);
  std::deque<agent::v1::AttachRequest> answers_ ABSL_GUARDED_BY(mutex_);
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

class ForgingValidator::Enrollment final : public validator::v1::EnrollmentService::Service {
 public:
  explicit Enrollment(const rpc::TestDeployment& deployment) : deployment_(deployment) {}

  grpc::Status Enroll(grpc::ServerContext*, const validator::v1::EnrollRequest* request,
                      validator::v1::EnrollResponse* response) override {
    response->set_name("web1");
    response->set_enrollment_id(kEnrollmentId);
    response->set_deployment(deployment_.name());
    *response->mutable_certificate_chain() = {};
    for (const std::string& der : Chain(request->csr())) response->add_certificate_chain(der);
    response->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600);
    ++enrolled_;
    return grpc::Status::OK;
  }

  grpc::Status RenewIdentity(grpc::ServerContext*,
                             const validator::v1::RenewIdentityRequest* request,
                             validator::v1::RenewIdentityResponse* response) override {
    for (const std::string& der : Chain(request->csr())) response->add_certificate_chain(der);
    response->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600);
    ++renewed_;
    return grpc::Status::OK;
  }

  void Append(const std::string& der) {
    MutexLock lock(&mutex_);
    appended_ = der;
  }
  int enrolled() const { return enrolled_; }
  int renewed() const { return renewed_; }
  void SetLifetime(absl::Duration lifetime) { lifetime_hours_ = absl::ToInt64Hours(lifetime); }

 private:
  std::vector<std::string> Chain(const std::string& csr) {
    const crypto::Csr parsed = Need(crypto::Csr::ParseForIdentity(csr));
    identity::LeafRequest request = EdgeLeaf(deployment_, types::v1::ROLE_AGENT, "web1");
    request.lifetime = absl::Hours(lifetime_hours_.load());
    const crypto::Certificate leaf =
        Need(identity::IssueLeaf(deployment_.edge(), parsed.public_key(), request));
    std::vector<std::string> chain = {leaf.der(), deployment_.edge().certificate.der()};
    MutexLock lock(&mutex_);
    if (!appended_.empty()) chain.push_back(appended_);
    return chain;
  }

  const rpc::TestDeployment& deployment_;
  std::atomic<int> enrolled_ = 0;
  std::atomic<int> renewed_ = 0;
  std::atomic<int64_t> lifetime_hours_ = 48;
  Mutex mutex_;
  std::string appended_ ABSL_GUARDED_BY(mutex_);
};

ForgingValidator::ForgingValidator()
    : link_(std::make_unique<Link>()), enrollment_(std::make_unique<Enrollment>(deployment_)) {
  rpc::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.tls =
      deployment_.EdgeFiles(deployment_.WriteIdentity(types::v1::ROLE_VALIDATOR, "forger"));
  options.services = {link_.get(), enrollment_.get()};
  options.max_connection_age = absl::InfiniteDuration();
  server_ = Need(rpc::Server::Start(options));
}

ForgingValidator::~ForgingValidator() { server_->Stop(absl::Milliseconds(100)); }

void ForgingValidator::WriteToken(const std::string& path, const std::string& agent) {
  crypto::PrivateKey key = Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const crypto::Certificate certificate =
      Need(identity::IssueLeaf(deployment_.edge(), key.public_key(),
                               EdgeLeaf(deployment_, types::v1::ROLE_BOOTSTRAP, agent)));
  const join::JoinToken token{
      .deployment = deployment_.name(),
      .agent_name = agent,
      .token_id = kEnrollmentId,
      .validators = {absl::StrCat("127.0.0.1:", server_->ports()[0])},
      .core_root = deployment_.core_root().certificate,
      .bootstrap = {std::move(key), {certificate, deployment_.edge().certificate}},
      .expire_time = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) + 3600),
  };
  const absl::Status written = join::WriteJoinToken(path, token);
  if (!written.ok()) std::fprintf(stderr, "%s\n", written.ToString().c_str());
  NORROY_CHECK(written.ok());
}

agent::v1::AgentHello ForgingValidator::WaitForAgent() { return link_->WaitForAgent(); }

std::optional<agent::v1::AttachRequest> ForgingValidator::Tell(
    const agent::v1::AttachResponse& message) {
  return link_->Tell(message);
}

int ForgingValidator::enrolled() const { return enrollment_->enrolled(); }

int ForgingValidator::renewed() const { return enrollment_->renewed(); }

void ForgingValidator::SetIdentityLifetime(absl::Duration lifetime) {
  enrollment_->SetLifetime(lifetime);
}

void ForgingValidator::AppendToChains(const std::string& der) { enrollment_->Append(der); }

}  // namespace norroy::tests
