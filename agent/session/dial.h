#ifndef NORROY_AGENT_SESSION_DIAL_H_
#define NORROY_AGENT_SESSION_DIAL_H_

// A new connection to one validator. Made anew for each attempt, so that it bears the identity
// that the file holds then.

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/rpc/credentials.h"

namespace norroy::agent {

struct Dialer {
  std::string target;  // "host:port"
  std::function<absl::StatusOr<std::shared_ptr<grpc::Channel>>()> dial;
};

// The peer must be a validator of this deployment under the root.
Dialer DialValidator(const std::string& target, const rpc::TlsFiles& files,
                     const std::string& deployment);

// The same, unless the agent's certificate has ended: then the error says so and what to do, where
// the handshake would only fail. FAILED_PRECONDITION, reason IDENTITY_EXPIRED. `clock` outlives it.
Dialer WhileIdentityLasts(Dialer dialer, const std::string& identity_file, Clock& clock);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_DIAL_H_
