#ifndef NORROY_ISSUER_SERVICE_CERTIFICATES_H_
#define NORROY_ISSUER_SERVICE_CERTIFICATES_H_

// What callers do with certificates. Knows nothing of gRPC. The methods are those of
// protos/norroy/issuer/v1/certificate_service.proto, which says what each promises.

#include <string>

#include "absl/status/statusor.h"
#include "common/audit/refusals.h"
#include "common/clock/clock.h"
#include "common/rpc/caller.h"
#include "issuer/keys/accounts.h"
#include "issuer/store/store.h"
#include "norroy/issuer/v1/certificate_service.pb.h"

namespace norroy::service {

// Thread-safe.
class Certificates {
 public:
  // All outlive this object. `refusals` takes those who may see but not revoke; null: nobody is
  // told.
  Certificates(store::Store& store, keys::Accounts& accounts, Clock& clock,
               audit::Refusals* refusals = nullptr)
      : store_(store), accounts_(accounts), clock_(clock), refusals_(refusals) {}

  absl::StatusOr<issuer::v1::GetCertificateResponse> Get(
      const rpc::Caller& caller, const issuer::v1::GetCertificateRequest& request);
  absl::StatusOr<issuer::v1::ListCertificatesResponse> List(
      const rpc::Caller& caller, const issuer::v1::ListCertificatesRequest& request);
  absl::StatusOr<issuer::v1::RevokeCertificateResponse> Revoke(
      const rpc::Caller& caller, const issuer::v1::RevokeCertificateRequest& request);

 private:
  absl::StatusOr<flow::StoredCertificate> Visible(const rpc::Caller& caller, const std::string& id);
  // Whoever may finalize an order may read what it ended in.
  bool SeesItsOrder(const rpc::Caller& caller, const flow::StoredCertificate& certificate);

  store::Store& store_;
  keys::Accounts& accounts_;
  Clock& clock_;
  audit::Refusals* const refusals_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_CERTIFICATES_H_
