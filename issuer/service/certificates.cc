#include "issuer/service/certificates.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/certificate.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/idna.h"
#include "issuer/service/limits.h"
#include "issuer/service/order_request.h"
#include "issuer/service/page.h"

namespace norroy::service {
namespace {

using flow::StoredCertificate;

absl::StatusOr<store::CertificateFilter> ParseFilter(
    const rpc::Caller& caller, const issuer::v1::ListCertificatesRequest& request) {
  store::CertificateFilter filter;
  filter.reader = ReaderOf(caller);
  if (request.name().empty()) return filter;
  const absl::StatusOr<std::string> ascii = ToAscii(request.name());
  const absl::StatusOr<challenge::Name> name =
      ascii.ok() ? challenge::Name::Parse(*ascii) : ascii.status();
  if (!name.ok()) return WithContext(name.status(), "name");
  filter.name = *name;
  return filter;
}

// RFC 5280 5.3.1: the CRLReason number.
absl::StatusOr<int> CrlReason(issuer::v1::RevocationReason reason) {
  switch (reason) {
    case issuer::v1::REVOCATION_REASON_UNSPECIFIED:
      return 0;
    case issuer::v1::REVOCATION_REASON_KEY_COMPROMISE:
      return 1;
    case issuer::v1::REVOCATION_REASON_AFFILIATION_CHANGED:
      return 3;
    case issuer::v1::REVOCATION_REASON_SUPERSEDED:
      return 4;
    case issuer::v1::REVOCATION_REASON_CESSATION_OF_OPERATION:
      return 5;
    default:
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_FIELD",
                       absl::StrCat("reason ", reason, " is none of RevocationReason"),
                       {{"field", "reason"}});
  }
}

absl::StatusOr<std::string> LeafDer(const StoredCertificate& certificate) {
  if (certificate.chains_pem.empty()) {
    return MakeError(absl::StatusCode::kDataLoss, "NO_CHAIN",
                     absl::StrCat("certificate ", certificate.id, " has no stored chain"));
  }
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate leaf,
                          crypto::Certificate::ParsePem(certificate.chains_pem.front()));
  return leaf.der();
}

// True: the page ends here.
bool Fill(const std::vector<StoredCertificate>& rows, PageFiller& filler,
          issuer::v1::ListCertificatesResponse& response) {
  for (const StoredCertificate& certificate : rows) {
    issuer::v1::Certificate proto = ToListedProto(certificate);
    const size_t bytes = proto.ByteSizeLong();
    if (!filler.HasRoom(bytes)) return true;
    filler.Took({certificate.create_time, certificate.id}, bytes);
    *response.add_certificates() = std::move(proto);
  }
  return false;
}

}  // namespace

bool Certificates::SeesItsOrder(const rpc::Caller& caller, const StoredCertificate& certificate) {
  const absl::StatusOr<flow::Order> order = store_.GetOrder(certificate.order_id);
  return order.ok() && Sees(caller, *order);
}

absl::StatusOr<StoredCertificate> Certificates::Visible(const rpc::Caller& caller,
                                                        const std::string& id) {
  NORROY_RETURN_IF_ERROR(CheckId("certificate", id));
  absl::StatusOr<StoredCertificate> certificate = store_.GetCertificate(id);
  if (absl::IsNotFound(certificate.status())) return NoSuch("certificate", id);
  if (certificate.ok() && !Sees(caller, *certificate) && !SeesItsOrder(caller, *certificate)) {
    return NoSuch("certificate", id);
  }
  return certificate;
}

absl::StatusOr<issuer::v1::GetCertificateResponse> Certificates::Get(
    const rpc::Caller& caller, const issuer::v1::GetCertificateRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const StoredCertificate certificate, Visible(caller, request.id()));
  issuer::v1::GetCertificateResponse response;
  *response.mutable_certificate() = ToProto(certificate);
  return response;
}

absl::StatusOr<issuer::v1::ListCertificatesResponse> Certificates::List(
    const rpc::Caller& caller, const issuer::v1::ListCertificatesRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const store::CertificateFilter filter, ParseFilter(caller, request));
  const std::string query =
      absl::StrJoin({std::string("certificates"), filter.reader.value_or("*"), request.name()},
                    absl::string_view("\0", 1));
  NORROY_ASSIGN_OR_RETURN(const Page page,
                          ParsePage(request.page_size(), request.page_token(), query));
  PageFiller filler(page);
  issuer::v1::ListCertificatesResponse response;
  NORROY_ASSIGN_OR_RETURN(const std::vector<StoredCertificate> rows,
                          store_.ListCertificates(filter, page.after, page.limit + 1));
  if (Fill(rows, filler, response)) {
    response.set_next_page_token(PageToken(filler.last(), query));
  }
  return response;
}

absl::StatusOr<issuer::v1::RevokeCertificateResponse> Certificates::Revoke(
    const rpc::Caller& caller, const issuer::v1::RevokeCertificateRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const int reason, CrlReason(request.reason()));
  NORROY_ASSIGN_OR_RETURN(StoredCertificate certificate, Visible(caller, request.id()));
  const std::string object = absl::StrCat("certificate/", certificate.id);
  const absl::Status owns = CheckOwns(caller, "certificate", certificate.creator);
  if (!owns.ok()) {
    store::AuditEntry refusal =
        AuditOf(caller, "certificate.revoke", object, std::string(owns.message()));
    refusal.outcome = audit::kDenied;
    if (refusals_ != nullptr) refusals_->Note(refusal);
    return owns;
  }
  if (certificate.revoke_time == absl::InfiniteFuture()) {
    NORROY_ASSIGN_OR_RETURN(const std::string der, LeafDer(certificate));
    NORROY_ASSIGN_OR_RETURN(acme::Client* const client, accounts_.ClientFor(certificate.ca));
    NORROY_RETURN_IF_ERROR(client->RevokeCertificate(der, reason));
    NORROY_FAILPOINT("issuer.revoked");
    NORROY_RETURN_IF_ERROR(store_.NoteRevoked(
        certificate.id, reason, clock_.Now(),
        AuditOf(caller, "certificate.revoke", object, absl::StrCat("reason=", reason))));
    NORROY_ASSIGN_OR_RETURN(certificate, store_.GetCertificate(certificate.id));
  }
  issuer::v1::RevokeCertificateResponse response;
  *response.mutable_certificate() = ToListedProto(certificate);
  return response;
}

}  // namespace norroy::service
