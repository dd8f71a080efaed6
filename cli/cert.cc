#include "cli/cert.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/certificate_files.h"
#include "cli/certificate_text.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::Certificate;
using Certificates = issuer::v1::CertificateService;
using Orders = issuer::v1::OrderService;

absl::StatusOr<std::unique_ptr<Certificates::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return Certificates::NewStub(channel);
}

absl::StatusOr<Certificate> Get(Context& context, const std::string& id) {
  issuer::v1::GetCertificateRequest request;
  request.set_id(id);
  NORROY_ASSIGN_OR_RETURN(const auto certificates, Connect(context));
  NORROY_ASSIGN_OR_RETURN(
      auto response, context.Call(*certificates, &Certificates::Stub::GetCertificate, request));
  return std::move(*response.mutable_certificate());
}

std::vector<std::string> Row(const Certificate& certificate) {
  return {certificate.id(),
          NamesText(certificate),
          certificate.ca(),
          certificate.key_type(),
          TimeText(certificate.not_after()),
          certificate.has_revoke_time()       ? "revoked"
          : certificate.replaced_by().empty() ? "current"
                                              : "replaced"};
}

}  // namespace

absl::StatusOr<Certificate> CertificateByEither(Context& context, const std::string& id) {
  auto certificate = Get(context, id);
  if (certificate.status().code() != absl::StatusCode::kNotFound) return certificate;
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  const auto orders = Orders::NewStub(channel);
  issuer::v1::GetOrderRequest request;
  request.set_id(id);
  const auto order = context.Call(*orders, &Orders::Stub::GetOrder, request);
  if (!order.ok()) return certificate;
  if (order->order().certificate_id().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("order ", id, " is ", EnumText(order->order().state()),
                     " and has no certificate; see \"norroy order show ", id, "\""));
  }
  return Get(context, order->order().certificate_id());
}

absl::StatusOr<std::optional<Certificate>> FindCertificate(Context& context,
                                                           const std::string& name,
                                                           const std::string& serial) {
  issuer::v1::ListCertificatesRequest request;
  request.set_name(name);
  request.set_page_size(100);
  NORROY_ASSIGN_OR_RETURN(const auto certificates, Connect(context));
  do {
    NORROY_ASSIGN_OR_RETURN(
        const auto response,
        context.Call(*certificates, &Certificates::Stub::ListCertificates, request));
    for (const Certificate& certificate : response.certificates()) {
      const bool wanted =
          serial.empty() ? !certificate.has_revoke_time() : certificate.serial() == serial;
      if (wanted) return std::optional<Certificate>(certificate);
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return std::optional<Certificate>();
}

absl::Status CertList(Context& context, const CertListOptions& options) {
  issuer::v1::ListCertificatesRequest request;
  request.set_name(options.name);
  NORROY_ASSIGN_OR_RETURN(const auto certificates, Connect(context));
  List list(context.output(), {"CERTIFICATE", "NAMES", "CA", "KEY", "NOT AFTER", "STATE"});
  int left = options.limit;
  do {
    request.set_page_size(std::min(left, 100));
    NORROY_ASSIGN_OR_RETURN(
        const auto response,
        context.Call(*certificates, &Certificates::Stub::ListCertificates, request));
    for (const Certificate& certificate : response.certificates()) {
      list.Add(certificate, Row(certificate));
    }
    left -= response.certificates_size();
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && left > 0);
  list.Finish();
  if (!request.page_token().empty()) context.output().Say("There are more: raise --limit.");
  return absl::OkStatus();
}

absl::Status CertShow(Context& context, const std::string& id) {
  NORROY_ASSIGN_OR_RETURN(const Certificate certificate, CertificateByEither(context, id));
  context.output().Object(certificate, CertificateFields(certificate));
  return absl::OkStatus();
}

absl::Status CertGet(Context& context, const CertGetOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const Certificate certificate, CertificateByEither(context, options.id));
  if (options.chain < 1 || options.chain > certificate.chains_pem_size()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     absl::StrCat("--chain: there are ", certificate.chains_pem_size(),
                                  " chains; give 1 to ", certificate.chains_pem_size()));
  }
  const std::string& pem = certificate.chains_pem(options.chain - 1);
  if (options.out.empty()) {
    if (context.output().json()) {
      context.output().Object(certificate, {});
    } else {
      context.output().Text(pem);
    }
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(CertificateFiles files, WriteCertificate(options.out, pem));
  files.set_order_id(certificate.order_id());
  files.set_certificate_id(certificate.id());
  context.output().Object(files, FilesFields(files));
  return absl::OkStatus();
}

}  // namespace norroy::cli
