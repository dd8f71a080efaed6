#include "issuer/service/evidence.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/audit/to_proto.h"
#include "common/challenge/proof.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/order_request.h"

namespace norroy::service {
namespace {

void AddNames(const flow::Order& order, issuer::v1::Evidence& evidence) {
  for (const flow::NameProgress& progress : order.progress) {
    issuer::v1::NameEvidence& name = *evidence.add_names();
    name.set_name(progress.name.text());
    name.set_authorization_url(progress.authorization_url);
    name.set_reused(progress.reused);
    if (progress.type.has_value()) {
      name.set_type(challenge::ToProto(*progress.type));
    }
    for (const std::string& agent : progress.agents) name.add_agents(agent);
    for (const types::v1::View& view : progress.views) *name.add_views() = view;
  }
}

// What the log has on each object, oldest first.
absl::StatusOr<std::vector<audit::Record>> RecordsOf(audit::Log& log,
                                                     const std::vector<std::string>& objects) {
  std::vector<audit::Record> all;
  for (const std::string& object : objects) {
    NORROY_ASSIGN_OR_RETURN(std::vector<audit::Record> records,
                            log.List({.object = object}, true, nullptr, kMaxEvidenceRecords));
    for (audit::Record& record : records) all.push_back(std::move(record));
  }
  std::stable_sort(all.begin(), all.end(), [](const audit::Record& a, const audit::Record& b) {
    if (a.writer == b.writer) return a.seq < b.seq;
    return a.entry.time < b.entry.time;
  });
  if (all.size() > static_cast<size_t>(kMaxEvidenceRecords)) all.resize(kMaxEvidenceRecords);
  return all;
}

}  // namespace

absl::StatusOr<issuer::v1::GetEvidenceResponse> EvidenceRoom::Get(
    const rpc::Caller& caller, const issuer::v1::GetEvidenceRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckId("certificate", request.id()));
  const absl::StatusOr<flow::StoredCertificate> certificate = store_.GetCertificate(request.id());
  if (absl::IsNotFound(certificate.status())) return NoSuch("certificate", request.id());
  NORROY_RETURN_IF_ERROR(certificate.status());
  if (!Sees(caller, *certificate)) return NoSuch("certificate", request.id());
  NORROY_ASSIGN_OR_RETURN(const flow::Order order, store_.GetOrder(certificate->order_id));
  issuer::v1::GetEvidenceResponse response;
  issuer::v1::Evidence& evidence = *response.mutable_evidence();
  *evidence.mutable_certificate() = ToListedProto(*certificate);
  evidence.set_creator(order.creator);
  evidence.set_finalizer(order.finalizer.empty() ? order.creator : order.finalizer);
  evidence.set_create_policy_version(order.policy_version);
  evidence.set_finalize_policy_version(order.finalize_policy_version);
  evidence.set_ca_order_url(order.ca_order_url);
  AddNames(order, evidence);
  NORROY_ASSIGN_OR_RETURN(const std::vector<audit::Record> records,
                          RecordsOf(log_, {absl::StrCat("order/", order.id),
                                           absl::StrCat("certificate/", certificate->id)}));
  for (const audit::Record& record : records) *evidence.add_records() = audit::ToProto(record);
  return response;
}

}  // namespace norroy::service
