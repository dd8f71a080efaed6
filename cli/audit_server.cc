#include "cli/audit_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/audit/to_proto.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/roots.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr absl::Duration kVerifyTimeout = absl::Minutes(10);
constexpr int kPage = 1000;

}  // namespace

absl::StatusOr<AuditServer> AuditServer::Connect(Context& context, const std::string& of) {
  if (of != "issuer" && of != "validator") {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     absl::StrCat("--of: \"", Printable(of), "\" is not one of issuer, validator"));
  }
  NORROY_ASSIGN_OR_RETURN(const auto channel,
                          of == "issuer" ? context.Issuer() : context.Validator());
  return AuditServer(context, Service::NewStub(channel));
}

absl::StatusOr<audit::v1::ListRecordsResponse> AuditServer::List(
    const audit::v1::ListRecordsRequest& request) {
  return context_->Call(*stub_, &Service::Stub::ListRecords, request);
}

absl::StatusOr<std::vector<audit::Head>> AuditServer::Verify() {
  grpc::ClientContext call;
  context_->SetDeadline(call, kVerifyTimeout);
  audit::v1::VerifyChainsResponse response;
  NORROY_RETURN_IF_ERROR(Context::FromCall(stub_->VerifyChains(&call, {}, &response)));
  std::vector<audit::Head> heads;
  for (const audit::v1::AuditHead& head : response.heads()) {
    heads.push_back(audit::FromProto(head));
  }
  return heads;
}

absl::StatusOr<audit::Checkpoint> AuditServer::CreateCheckpoint() {
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context_->Call(*stub_, &Service::Stub::CreateCheckpoint,
                                         audit::v1::CreateCheckpointRequest()));
  return audit::FromProto(response.checkpoint());
}

absl::Status AuditServer::EachCheckpoint(
    const std::function<absl::Status(const audit::Checkpoint&)>& visit) {
  audit::v1::ListCheckpointsRequest request;
  request.set_page_size(kPage);
  do {
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context_->Call(*stub_, &Service::Stub::ListCheckpoints, request));
    for (const audit::v1::Checkpoint& checkpoint : response.checkpoints()) {
      NORROY_RETURN_IF_ERROR(visit(audit::FromProto(checkpoint)));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::Status AuditServer::EachRecord(
    const std::string& writer, int64_t last,
    const std::function<absl::Status(const audit::Record&)>& visit) {
  audit::v1::ListRecordsRequest request;
  request.set_page_size(kPage);
  request.set_writer(writer);
  request.set_oldest_first(true);
  do {
    NORROY_ASSIGN_OR_RETURN(const auto response, List(request));
    for (const audit::v1::AuditRecord& record : response.records()) {
      if (record.seq() > last) return absl::OkStatus();
      NORROY_RETURN_IF_ERROR(visit(audit::FromProto(record)));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::StatusOr<audit::Record> AuditServer::Get(const std::string& writer, int64_t seq) {
  audit::v1::ListRecordsRequest request;
  request.set_page_size(1);
  request.set_writer(writer);
  request.set_oldest_first(true);
  request.set_after_seq(seq - 1);
  NORROY_ASSIGN_OR_RETURN(const auto response, List(request));
  if (response.records_size() == 1 && response.records(0).seq() == seq) {
    return audit::FromProto(response.records(0));
  }
  return absl::NotFoundError(absl::StrCat("the chain of ", writer, " has no entry ", seq));
}

absl::StatusOr<audit::Trust> TrustOf(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const std::string file, context.CoreRootFile());
  NORROY_ASSIGN_OR_RETURN(std::vector<crypto::Certificate> roots, identity::ReadRoots(file));
  absl::StatusOr<identity::TrustDomain> domain = identity::TrustDomain::OfAuthority(roots.front());
  if (!domain.ok()) return WithContext(domain.status(), file);
  return audit::Trust{std::move(roots), domain->deployment};
}

}  // namespace norroy::cli
