#ifndef NORROY_ISSUER_SERVICE_CERTIFICATE_SERVICE_H_
#define NORROY_ISSUER_SERVICE_CERTIFICATE_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/certificates.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"

namespace norroy::service {

// Certificates over gRPC.
class CertificateService final : public issuer::v1::CertificateService::CallbackService {
 public:
  // Both outlive the service.
  CertificateService(const rpc::HandlerEnv& env, Certificates& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* GetCertificate(grpc::CallbackServerContext* context,
                                           const issuer::v1::GetCertificateRequest* request,
                                           issuer::v1::GetCertificateResponse* response) override;
  grpc::ServerUnaryReactor* ListCertificates(
      grpc::CallbackServerContext* context, const issuer::v1::ListCertificatesRequest* request,
      issuer::v1::ListCertificatesResponse* response) override;
  grpc::ServerUnaryReactor* RevokeCertificate(
      grpc::CallbackServerContext* context, const issuer::v1::RevokeCertificateRequest* request,
      issuer::v1::RevokeCertificateResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  Certificates& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_CERTIFICATE_SERVICE_H_
