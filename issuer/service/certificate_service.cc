#include "issuer/service/certificate_service.h"

namespace norroy::service {

grpc::ServerUnaryReactor* CertificateService::GetCertificate(
    grpc::CallbackServerContext* context, const issuer::v1::GetCertificateRequest* request,
    issuer::v1::GetCertificateResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::GetCertificateRequest& request) {
        return logic_.Get(call.caller, request);
      });
}

grpc::ServerUnaryReactor* CertificateService::GetEvidence(
    grpc::CallbackServerContext* context, const issuer::v1::GetEvidenceRequest* request,
    issuer::v1::GetEvidenceResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::GetEvidenceRequest& request) {
                      return evidence_.Get(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* CertificateService::ListCertificates(
    grpc::CallbackServerContext* context, const issuer::v1::ListCertificatesRequest* request,
    issuer::v1::ListCertificatesResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::ListCertificatesRequest& request) {
        return logic_.List(call.caller, request);
      });
}

grpc::ServerUnaryReactor* CertificateService::RevokeCertificate(
    grpc::CallbackServerContext* context, const issuer::v1::RevokeCertificateRequest* request,
    issuer::v1::RevokeCertificateResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::RevokeCertificateRequest& request) {
        return logic_.Revoke(call.caller, request);
      });
}

}  // namespace norroy::service
