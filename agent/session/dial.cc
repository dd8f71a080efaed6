#include "agent/session/dial.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

absl::Status CheckLasts(const std::string& identity_file, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile file,
                          identity::ReadIdentityFile(identity_file));
  const crypto::Certificate& own = file.chain.front();
  if (now < own.not_after()) return absl::OkStatus();
  const std::string& name = own.subject_common_name();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "IDENTITY_EXPIRED",
      absl::StrCat("this agent's identity (", identity_file, ") ended at ",
                   absl::FormatTime(own.not_after(), absl::UTCTimeZone()),
                   " and cannot be renewed any more. If this host's clock is right: make a token "
                   "with \"norroy agent token create ",
                   name,
                   " --replace --answer PATTERN...\", then run \"norroy-agent enroll --replace "
                   "--token-file FILE --allow PATTERN...\" here and start the agent"));
}

}  // namespace

Dialer DialValidator(const std::string& target, const rpc::TlsFiles& files,
                     const std::string& deployment) {
  const auto dial = [=]() -> absl::StatusOr<std::shared_ptr<grpc::Channel>> {
    NORROY_ASSIGN_OR_RETURN(const auto credentials,
                            rpc::ClientCredentials(files, deployment, types::v1::ROLE_VALIDATOR));
    return rpc::NewChannel(target, credentials, rpc::kMaxLinkMessage);
  };
  return {.target = target, .dial = dial};
}

Dialer WhileIdentityLasts(Dialer dialer, const std::string& identity_file, Clock& clock) {
  const auto dial = [inner = dialer.dial, identity_file,
                     &clock]() -> absl::StatusOr<std::shared_ptr<grpc::Channel>> {
    NORROY_RETURN_IF_ERROR(CheckLasts(identity_file, clock.Now()));
    return inner();
  };
  return {.target = std::move(dialer.target), .dial = dial};
}

}  // namespace norroy::agent
