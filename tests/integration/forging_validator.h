#ifndef NORROY_TESTS_INTEGRATION_FORGING_VALIDATOR_H_
#define NORROY_TESTS_INTEGRATION_FORGING_VALIDATOR_H_

// A validator that has fallen into wrong hands: it holds everything that a real one holds (its
// core identity, its edge intermediate, every sealed proof that ever passed through it) and says
// whatever the test tells it to. Real gRPC, for a real agent.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/rpc/server.h"
#include "common/rpc/test_deployment.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.grpc.pb.h"
#include "norroy/validator/v1/enrollment_service.grpc.pb.h"

namespace norroy::tests {

class ForgingValidator {
 public:
  ForgingValidator();
  ~ForgingValidator();

  // Writes a join token for this agent name; the core root in it is the deployment's own, because
  // it comes from the operator and not from here.
  void WriteToken(const std::string& path, const std::string& agent);

  // Waits for the agent's stream; its hello.
  agent::v1::AgentHello WaitForAgent();
  // Says it and waits for the agent's answer; unset: none came (the agent hung up, or is silent).
  std::optional<agent::v1::AttachRequest> Tell(const agent::v1::AttachResponse& message);

  rpc::TestDeployment& deployment() { return deployment_; }
  int enrolled() const;
  int renewed() const;
  // Of the certificates that it hands out from now on; an agent renews at half life, and they are
  // backdated by an hour.
  void SetIdentityLifetime(absl::Duration lifetime);
  // What Enroll and RenewIdentity append to the chain: a trust anchor of the forger's own.
  void AppendToChains(const std::string& der);

 private:
  class Link;
  class Enrollment;

  rpc::TestDeployment deployment_;
  std::unique_ptr<Link> link_;
  std::unique_ptr<Enrollment> enrollment_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace norroy::tests

#endif  // NORROY_TESTS_INTEGRATION_FORGING_VALIDATOR_H_
