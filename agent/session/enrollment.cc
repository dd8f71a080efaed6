#include "agent/session/enrollment.h"

#include <unistd.h>

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "agent/session/issued.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "norroy/validator/v1/enrollment_service.grpc.pb.h"

namespace norroy::agent {
namespace {

namespace vv1 = norroy::validator::v1;

constexpr absl::Duration kCallTimeout = absl::Seconds(20);

absl::Status CheckMayEnroll(const EnrollmentRequest& request, const StateDir& dir, absl::Time now) {
  if (dir.enrolled() && !request.replace) {
    return MakeError(absl::StatusCode::kAlreadyExists, "ALREADY_ENROLLED",
                     absl::StrCat(dir.path(),
                                  ": an agent is enrolled here already; "
                                  "--replace makes it another one"));
  }
  if (now >= request.token.expire_time) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "TOKEN_EXPIRED",
                     absl::StrCat("the join token ended at ",
                                  absl::FormatTime(request.token.expire_time, absl::UTCTimeZone()),
                                  "; make a new one with `norroy agent token create`"));
  }
  return absl::OkStatus();
}

absl::StatusOr<vv1::EnrollResponse> Call(const Dialer& dialer, const vv1::EnrollRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, dialer.dial());
  const auto stub = vv1::EnrollmentService::NewStub(channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kCallTimeout);
  vv1::EnrollResponse response;
  const absl::Status status = rpc::FromGrpc(stub->Enroll(&context, request, &response));
  if (!status.ok()) return WithContext(status, dialer.target);
  return response;
}

// Only a validator that was never reached is a reason to ask the next: a token is good for once.
absl::StatusOr<vv1::EnrollResponse> CallInTurn(const EnrollmentRequest& request,
                                               const rpc::TlsFiles& files, const std::string& csr,
                                               const BootstrapDial& dial) {
  vv1::EnrollRequest call;
  call.set_csr(csr);
  absl::Status last;
  for (const std::string& target : request.token.validators) {
    auto response = Call(dial(target, files), call);
    if (response.ok() || !absl::IsUnavailable(response.status())) return response;
    last = response.status();
  }
  return last;
}

}  // namespace

absl::StatusOr<Enrollment> Enroll(const EnrollmentRequest& request, StateDir& dir, Clock& clock,
                                  const BootstrapDial& dial) {
  NORROY_RETURN_IF_ERROR(CheckMayEnroll(request, dir, clock.Now()));
  // The TLS stack reads files.
  const rpc::TlsFiles files = {.identity_file = dir.path() + "/bootstrap.pem",
                               .root_file = dir.path() + "/bootstrap-root.pem"};
  absl::Cleanup remove = [&files] {
    unlink(files.identity_file.c_str());
    unlink(files.root_file.c_str());
  };
  const join::JoinToken& token = request.token;
  NORROY_RETURN_IF_ERROR(identity::WriteIdentityFile(files.identity_file, token.bootstrap));
  NORROY_RETURN_IF_ERROR(
      identity::WriteFileAtomically(files.root_file, token.core_root.ToPem(), 0600));
  NORROY_ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                          crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  NORROY_ASSIGN_OR_RETURN(const std::string csr, crypto::BuildCsr(key, {}));
  NORROY_ASSIGN_OR_RETURN(const vv1::EnrollResponse response,
                          CallInTurn(request, files, csr, dial));
  const identity::Identity expected = {token.deployment, types::v1::ROLE_AGENT, token.agent_name,
                                       token.token_id};
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile identity,
                          CheckIssuedIdentity({response.certificate_chain().begin(),
                                               response.certificate_chain().end()},
                                              key, expected, clock.Now()));
  Enrollment enrollment = {.identity = expected,
                           .validators = token.validators,
                           .core_roots = {token.core_root},
                           .scope = request.scope};
  NORROY_RETURN_IF_ERROR(dir.Save(enrollment, identity));
  return enrollment;
}

}  // namespace norroy::agent
