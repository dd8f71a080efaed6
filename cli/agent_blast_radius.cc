// `norroy agent blast-radius`

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/agent.h"
#include "cli/agent_text.h"
#include "cli/blast_radius_text.h"
#include "cli/text.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using Admin = validator::v1::AgentAdminService;
using Certificates = issuer::v1::CertificateService;
using Orders = issuer::v1::OrderService;
using validator::v1::GetBlastRadiusResponse;

constexpr int kPage = 1000;  // of lists, and of names in one question

// Every name that the deployment has a certificate or an order for.
absl::StatusOr<std::vector<std::string>> KnownNames(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  std::set<std::string> names;
  const auto certificates = Certificates::NewStub(channel);
  issuer::v1::ListCertificatesRequest list;
  list.set_page_size(kPage);
  do {
    NORROY_ASSIGN_OR_RETURN(
        const auto page, context.Call(*certificates, &Certificates::Stub::ListCertificates, list));
    for (const auto& certificate : page.certificates()) {
      names.insert(certificate.names().begin(), certificate.names().end());
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  const auto orders = Orders::NewStub(channel);
  issuer::v1::ListOrdersRequest request;
  request.set_page_size(kPage);
  do {
    NORROY_ASSIGN_OR_RETURN(const auto page,
                            context.Call(*orders, &Orders::Stub::ListOrders, request));
    for (const auto& order : page.orders()) {
      for (const auto& name : order.names()) names.insert(name.name());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return std::vector<std::string>(names.begin(), names.end());
}

// In as many questions as are needed, at least one: grants, scope and zones come with each.
absl::StatusOr<GetBlastRadiusResponse> Ask(Context& context, const std::string& agent,
                                           const std::vector<std::string>& names) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Validator());
  const auto admin = Admin::NewStub(channel);
  GetBlastRadiusResponse radius;
  size_t at = 0;
  do {
    const size_t end = std::min(names.size(), at + kPage);
    validator::v1::GetBlastRadiusRequest request;
    request.set_name(agent);
    for (; at < end; ++at) request.add_names(names[at]);
    NORROY_ASSIGN_OR_RETURN(GetBlastRadiusResponse page,
                            context.Call(*admin, &Admin::Stub::GetBlastRadius, request));
    google::protobuf::RepeatedPtrField<validator::v1::ExposedName> exposed;
    exposed.Swap(radius.mutable_names());
    exposed.MergeFrom(page.names());
    radius.Swap(&page);
    exposed.Swap(radius.mutable_names());
    if (names.size() > kPage) {
      context.output().Progress(absl::StrCat(at, " of ", names.size(), " names"));
    }
  } while (at < names.size());
  context.output().EndProgress();
  return radius;
}

}  // namespace

absl::Status AgentBlastRadius(Context& context, const BlastRadiusOptions& options) {
  std::vector<std::string> names = options.names;
  if (names.empty()) {
    NORROY_ASSIGN_OR_RETURN(names, KnownNames(context));
  }
  NORROY_ASSIGN_OR_RETURN(const GetBlastRadiusResponse radius, Ask(context, options.name, names));
  Output& output = context.output();
  if (!output.json()) {
    output.Text(absl::StrCat(BlastRadiusText(options.name, names.size(), radius), "\n\n"));
  }
  Fields fields;
  for (const auto& grant : radius.grants()) fields.emplace_back("may answer", GrantText(grant));
  fields.emplace_back("allows itself", ListText(radius.scope()));
  fields.emplace_back("writes to", ListText(radius.zones()));
  output.Object(radius, fields);
  if (output.json() || radius.names().empty()) return absl::OkStatus();
  std::vector<std::vector<std::string>> rows;
  for (const auto& name : radius.names()) rows.push_back({name.name(), name.how(), name.owner()});
  output.Text(absl::StrCat("\n", TableText({"NAME", "HOW", "TXT RECORD AT"}, rows)));
  return absl::OkStatus();
}

}  // namespace norroy::cli
