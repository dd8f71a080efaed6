#include "agent/session/fake_validator.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crypto/certificate.h"
#include "common/crypto/csr.h"
#include "common/identity/issuing.h"
#include "common/rpc/credentials.h"

namespace norroy::agent {
namespace {

namespace vv1 = norroy::validator::v1;

constexpr absl::Duration kPatience = absl::Seconds(10);

std::string FingerprintOf(const grpc::ServerContext& context) {
  const auto pems = context.auth_context()->FindPropertyValues("x509_pem_cert");
  if (pems.empty()) return "";
  const std::string pem(pems[0].data(), pems[0].size());
  const auto certificate = crypto::Certificate::ParsePem(pem);
  return certificate.ok() ? certificate->fingerprint() : "";
}

}  // namespace

std::optional<v1::AttachRequest> FakeStream::Read() {
  MutexLock lock(&mutex_);
  while (received_.empty()) {
    if (ended_ || !changed_.WaitFor(&mutex_, kPatience)) return std::nullopt;
  }
  v1::AttachRequest message = std::move(received_.front());
  received_.pop_front();
  return message;
}

void FakeStream::Write(const v1::AttachResponse& message) {
  MutexLock lock(&mutex_);
  if (!ended_) stream_->Write(message);
}

void FakeStream::Close() {
  MutexLock lock(&mutex_);
  close_ = true;
  if (!ended_) context_->TryCancel();
}

class FakeValidator::LinkService final : public v1::AgentLinkService::Service {
 public:
  grpc::Status Attach(grpc::ServerContext* context, FakeStream::Stream* stream) override {
    const auto fake = std::make_shared<FakeStream>();
    fake->stream_ = stream;
    fake->context_ = context;
    fake->fingerprint_ = FingerprintOf(*context);
    {
      MutexLock lock(&mutex_);
      accepted_.push_back(fake);
      changed_.SignalAll();
    }
    v1::AttachRequest message;
    while (stream->Read(&message)) {
      MutexLock lock(&fake->mutex_);
      fake->received_.push_back(message);
      fake->changed_.SignalAll();
    }
    MutexLock lock(&fake->mutex_);
    fake->ended_ = true;
    fake->changed_.SignalAll();
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "closed");
  }

  std::shared_ptr<FakeStream> Accept() {
    MutexLock lock(&mutex_);
    while (accepted_.empty()) {
      if (!changed_.WaitFor(&mutex_, kPatience)) return nullptr;
    }
    auto stream = accepted_.front();
    accepted_.pop_front();
    return stream;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::shared_ptr<FakeStream>> accepted_ ABSL_GUARDED_BY(mutex_);
};

class FakeValidator::EnrollmentService final : public vv1::EnrollmentService::Service {
 public:
  explicit EnrollmentService(const identity::Authority& edge) : edge_(edge) {}

  grpc::Status Enroll(grpc::ServerContext*, const vv1::EnrollRequest* request,
                      vv1::EnrollResponse* response) override {
    return Answer(request->csr(), *response->mutable_certificate_chain());
  }
  grpc::Status RenewIdentity(grpc::ServerContext*, const vv1::RenewIdentityRequest* request,
                             vv1::RenewIdentityResponse* response) override {
    return Answer(request->csr(), *response->mutable_certificate_chain());
  }

  void Issue(const identity::Identity& identity, absl::Duration lifetime) {
    MutexLock lock(&mutex_);
    identity_ = identity;
    lifetime_ = lifetime;
    status_ = grpc::Status::OK;
  }
  void RefuseWith(const grpc::Status& status) {
    MutexLock lock(&mutex_);
    status_ = status;
  }
  int calls() {
    MutexLock lock(&mutex_);
    return calls_;
  }

 private:
  grpc::Status Answer(const std::string& csr_der,
                      google::protobuf::RepeatedPtrField<std::string>& chain) {
    MutexLock lock(&mutex_);
    ++calls_;
    if (!status_.ok()) return status_;
    const auto csr = crypto::Csr::ParseForIdentity(csr_der);
    if (!csr.ok()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, std::string(csr.status().message())};
    }
    const auto leaf = identity::IssueLeaf(
        edge_, csr->public_key(),
        {.identity = identity_, .hosts = {}, .now = absl::Now(), .lifetime = lifetime_});
    if (!leaf.ok()) return {grpc::StatusCode::INTERNAL, std::string(leaf.status().message())};
    *chain.Add() = leaf->der();
    *chain.Add() = edge_.certificate.der();
    return grpc::Status::OK;
  }

  const identity::Authority edge_;
  Mutex mutex_;
  identity::Identity identity_ ABSL_GUARDED_BY(mutex_);
  absl::Duration lifetime_ ABSL_GUARDED_BY(mutex_);
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

FakeValidator::FakeValidator(rpc::TestDeployment& deployment, identity::Role role, int port)
    : link_(std::make_unique<LinkService>()),
      enrollment_(std::make_unique<EnrollmentService>(deployment.edge())) {
  const std::string file = deployment.WriteIdentity(role, "one");
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port),
                           *rpc::ServerCredentials(deployment.EdgeFiles(file)), &port_);
  builder.RegisterService(link_.get());
  builder.RegisterService(enrollment_.get());
  server_ = builder.BuildAndStart();
}

FakeValidator::~FakeValidator() { server_->Shutdown(std::chrono::system_clock::now()); }

std::string FakeValidator::target() const { return absl::StrCat("127.0.0.1:", port_); }
std::shared_ptr<FakeStream> FakeValidator::Accept() { return link_->Accept(); }
void FakeValidator::Issue(const identity::Identity& identity, absl::Duration lifetime) {
  enrollment_->Issue(identity, lifetime);
}
void FakeValidator::RefuseWith(const grpc::Status& status) { enrollment_->RefuseWith(status); }
int FakeValidator::calls() { return enrollment_->calls(); }

}  // namespace norroy::agent
