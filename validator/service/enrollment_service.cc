#include "validator/service/enrollment_service.h"

#include "common/log/log.h"
#include "common/status_macros.h"
#include "validator/presentation/messages.h"
#include "validator/service/origin.h"

namespace norroy::validator {

grpc::ServerUnaryReactor* EnrollmentService::Enroll(grpc::CallbackServerContext* context,
                                                    const v1::EnrollRequest* request,
                                                    v1::EnrollResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call,
             const v1::EnrollRequest& enroll) -> absl::StatusOr<v1::EnrollResponse> {
        const rpc::Caller& caller = call.caller;
        NORROY_ASSIGN_OR_RETURN(const IssuedIdentity issued,
                                enrollment_.Enroll(caller.identity, caller.public_key_sha256,
                                                   enroll.csr(), AuditOf(caller)));
        log::Info(
            "agents", "agent enrolled",
            {{"agent", issued.identity.name}, {"enrollment_id", issued.identity.enrollment_id}});
        v1::EnrollResponse enrolled;
        enrolled.set_name(issued.identity.name);
        enrolled.set_enrollment_id(issued.identity.enrollment_id);
        enrolled.set_deployment(issued.identity.deployment);
        for (const std::string& der : issued.chain) enrolled.add_certificate_chain(der);
        *enrolled.mutable_expire_time() = ToTimestamp(issued.expire_time);
        return enrolled;
      });
}

grpc::ServerUnaryReactor* EnrollmentService::RenewIdentity(grpc::CallbackServerContext* context,
                                                           const v1::RenewIdentityRequest* request,
                                                           v1::RenewIdentityResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call,
             const v1::RenewIdentityRequest& renew) -> absl::StatusOr<v1::RenewIdentityResponse> {
        NORROY_ASSIGN_OR_RETURN(
            const IssuedIdentity issued,
            enrollment_.Renew(call.caller.identity, renew.csr(), AuditOf(call.caller)));
        log::Info("agents", "agent identity renewed", {{"agent", issued.identity.name}});
        v1::RenewIdentityResponse renewed;
        for (const std::string& der : issued.chain) renewed.add_certificate_chain(der);
        *renewed.mutable_expire_time() = ToTimestamp(issued.expire_time);
        return renewed;
      });
}

}  // namespace norroy::validator
