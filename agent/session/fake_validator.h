#ifndef NORROY_AGENT_SESSION_FAKE_VALIDATOR_H_
#define NORROY_AGENT_SESSION_FAKE_VALIDATOR_H_

// A validator's agent listener for tests of the agent's end, over real mTLS: streams that a test
// drives by hand, and an enrollment that can misbehave.

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/rpc/test_deployment.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.grpc.pb.h"
#include "norroy/validator/v1/enrollment_service.grpc.pb.h"

namespace norroy::agent {

// One attached agent, as the validator sees it.
class FakeStream {
 public:
  // What the agent said next; nothing after 10 s, or when it is gone.
  std::optional<v1::AttachRequest> Read();
  void Write(const v1::AttachResponse& message);
  // Ends the stream from here.
  void Close();
  // SHA-256 of the certificate that the agent came with.
  std::string certificate_fingerprint() const { return fingerprint_; }

 private:
  friend class FakeValidator;
  using Stream = grpc::ServerReaderWriter<v1::AttachResponse, v1::AttachRequest>;
  Stream* stream_ = nullptr;
  grpc::ServerContext* context_ = nullptr;
  std::string fingerprint_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<v1::AttachRequest> received_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool close_ ABSL_GUARDED_BY(mutex_) = false;
};

class FakeValidator {
 public:
  // Listens as `role` (a validator, if all is well) on 127.0.0.1. `port` 0 picks one.
  explicit FakeValidator(rpc::TestDeployment& deployment,
                         identity::Role role = types::v1::ROLE_VALIDATOR, int port = 0);
  ~FakeValidator();

  std::string target() const;
  int port() const { return port_; }

  // The next agent that attaches; null after 10 s.
  std::shared_ptr<FakeStream> Accept();

  // Answers to Enroll and RenewIdentity: a certificate for the CSR's key and this identity.
  void Issue(const identity::Identity& identity, absl::Duration lifetime);
  // Answers to both with an error instead.
  void RefuseWith(const grpc::Status& status);
  int calls();

 private:
  class LinkService;
  class EnrollmentService;

  std::unique_ptr<LinkService> link_;
  std::unique_ptr<EnrollmentService> enrollment_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_FAKE_VALIDATOR_H_
