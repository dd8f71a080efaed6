#include "agent/session/dial.h"

#include "common/status_macros.h"

namespace norroy::agent {

Dialer DialValidator(const std::string& target, const rpc::TlsFiles& files,
                     const std::string& deployment) {
  const auto dial = [=]() -> absl::StatusOr<std::shared_ptr<grpc::Channel>> {
    NORROY_ASSIGN_OR_RETURN(const auto credentials,
                            rpc::ClientCredentials(files, deployment, types::v1::ROLE_VALIDATOR));
    return rpc::NewChannel(target, credentials, rpc::kMaxLinkMessage);
  };
  return {.target = target, .dial = dial};
}

}  // namespace norroy::agent
