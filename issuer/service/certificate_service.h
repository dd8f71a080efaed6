#ifndef NORROY_ISSUER_SERVICE_CERTIFICATE_SERVICE_H_
#define NORROY_ISSUER_SERVICE_CERTIFICATE_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/certificates.h"
#include "issuer/service/evidence.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"

namespace norroy::service {

// Certificates over gRPC.
class CertificateService final : public issuer::v1::CertificateService::CallbackService {
 public:
  // All outlive the service.
  CertificateService(const rpc::HandlerEnv& env, Certificates& logic, EvidenceRoom& evidence)
      : env_(env), logic_(logic), evidence_(evidence) {}

  grpc::ServerUnaryReactor* GetCertificate(grpc::CallbackServerContext* context,
                                           const issuer::v1::GetCertificateRequest* request,
                                           issuer::v1::GetCertificateResponse* response) override;
  grpc::ServerUnaryReactor* GetEvidence(grpc::CallbackServerContext* context,
                                        const issuer::v1::GetEvidenceRequest* request,
                                        issuer::v1::GetEvidenceResponse* response) override;
  grpc::ServerUnaryReactor* ListCertificates(
      grpc::CallbackServerContext* context, const issuer::v1::ListCertificatesRequest* request,
      issuer::v1::ListCertificatesResponse* response) override;
  grpc::ServerUnaryReactor* RevokeCertificate(
      grpc::CallbackServerContext* context, const issuer::v1::RevokeCertificateRequest* request,
      issuer::v1::RevokeCertificateResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  Certificates& logic_;
  EvidenceRoom& evidence_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_CERTIFICATE_SERVICE_H_
