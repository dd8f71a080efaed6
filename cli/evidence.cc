#include "cli/evidence.h"

#include "absl/strings/str_cat.h"
#include "cli/audit_text.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"

namespace norroy::cli {

absl::Status CertEvidence(Context& context, const std::string& id) {
  using Certificates = issuer::v1::CertificateService;
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  const auto certificates = Certificates::NewStub(channel);
  issuer::v1::GetEvidenceRequest request;
  request.set_id(id);
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*certificates, &Certificates::Stub::GetEvidence, request));
  const issuer::v1::Evidence& evidence = response.evidence();
  context.output().Object(evidence, EvidenceFields(evidence));
  if (context.output().json()) return absl::OkStatus();
  std::string text = absl::StrCat("\n", EvidenceNames(evidence), "\n");
  for (const audit::v1::AuditRecord& record : evidence.records()) {
    absl::StrAppend(&text, RecordLine(record));
  }
  context.output().Text(text);
  return absl::OkStatus();
}

}  // namespace norroy::cli
