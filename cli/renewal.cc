#include "cli/renewal.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/cert.h"
#include "cli/issue.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/renewal_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::Renewal;
using RenewalService = issuer::v1::RenewalService;

constexpr absl::Duration kPause = absl::Seconds(2);

absl::StatusOr<std::unique_ptr<RenewalService::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return RenewalService::NewStub(channel);
}

std::string NamesText(const Renewal& renewal) {
  std::string names = renewal.names().empty() ? "" : renewal.names(0);
  if (renewal.names_size() > 1) absl::StrAppend(&names, " +", renewal.names_size() - 1);
  return names;
}

// Who has to act.
std::string ByText(const Renewal& renewal) {
  return renewal.has_auto_renew_until() ? "issuer" : "owner";
}

std::string WindowText(const Renewal& renewal) {
  if (!renewal.has_window_start_time()) return "";
  return absl::StrCat(TimeText(renewal.window_start_time()), " to ",
                      TimeText(renewal.window_end_time()));
}

std::string ErrorText(const Renewal& renewal) {
  if (renewal.error_reason().empty() && renewal.error_message().empty()) return "";
  return absl::StrCat(renewal.error_message(), " (", renewal.error_reason(), ")");
}

std::string OptionalTime(bool has, const google::protobuf::Timestamp& time) {
  return has ? TimeText(time) : "";
}

Fields FieldsOf(const Renewal& renewal) {
  return {
      {"certificate", renewal.certificate_id()},
      {"names", ListText(renewal.names())},
      {"CA", renewal.ca()},
      {"state", EnumText(renewal.state())},
      {"renewal", TimeText(renewal.renewal_time())},
      {"follows from", EnumText(renewal.basis())},
      {"CA's window", WindowText(renewal)},
      {"the CA explains", renewal.explanation_url()},
      {"CA is asked again", OptionalTime(renewal.has_next_poll_time(), renewal.next_poll_time())},
      {"renewed by", ByText(renewal)},
      {"issuer does until",
       OptionalTime(renewal.has_auto_renew_until(), renewal.auto_renew_until())},
      {"order", renewal.order_id()},
      {"tries again", OptionalTime(renewal.has_next_attempt_time(), renewal.next_attempt_time())},
      {"error", ErrorText(renewal)},
      {"replaced by", renewal.renewed_by()},
      {"not after", TimeText(renewal.not_after())},
      {"creator", renewal.creator()}};
}

void PrintLine(Context& context, const Renewal& renewal) {
  if (context.output().json()) {
    context.output().Text(absl::StrCat(ToJson(renewal), "\n"));
    return;
  }
  context.output().Text(absl::StrCat(
      EnumText(renewal.state()), " ", renewal.certificate_id(), " ", NamesText(renewal), " by ",
      ByText(renewal), ", ends ", TimeText(renewal.not_after()),
      renewal.renewed_by().empty() ? "" : absl::StrCat(", replaced by ", renewal.renewed_by()),
      renewal.error_reason().empty() ? "" : absl::StrCat(", ", renewal.error_reason()), "\n"));
}

absl::Status WatchOnce(Context& context, RenewalService::Stub& renewals) {
  grpc::ClientContext call;
  const auto stream = renewals.WatchRenewals(&call, issuer::v1::WatchRenewalsRequest());
  issuer::v1::WatchRenewalsResponse response;
  while (stream->Read(&response)) {
    for (const Renewal& renewal : response.renewals()) PrintLine(context, renewal);
    if (response.more()) context.output().Say("There are more: norroy cert list --due");
  }
  return rpc::FromGrpc(stream->Finish());
}

}  // namespace

absl::Status ListDue(Context& context, int limit) {
  NORROY_ASSIGN_OR_RETURN(const auto renewals, Connect(context));
  issuer::v1::ListRenewalsRequest request;
  *request.mutable_due_by() = ToProto(context.clock().Now());
  List list(context.output(),
            {"CERTIFICATE", "NAMES", "CA", "STATE", "BY", "RENEWAL", "NOT AFTER"});
  int left = limit;
  do {
    request.set_page_size(std::min(left, 100));
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context.Call(*renewals, &RenewalService::Stub::ListRenewals, request));
    for (const Renewal& renewal : response.renewals()) {
      list.Add(renewal, {renewal.certificate_id(), NamesText(renewal), renewal.ca(),
                         EnumText(renewal.state()), ByText(renewal),
                         TimeText(renewal.renewal_time()), TimeText(renewal.not_after())});
    }
    left -= response.renewals_size();
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && left > 0);
  list.Finish();
  if (!request.page_token().empty()) context.output().Say("There are more: raise --limit.");
  return absl::OkStatus();
}

absl::Status CertRenewal(Context& context, const RenewalShowOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const auto certificate, CertificateByEither(context, options.id));
  NORROY_ASSIGN_OR_RETURN(const auto renewals, Connect(context));
  if (options.refresh) {
    issuer::v1::RefreshRenewalRequest request;
    request.set_certificate_id(certificate.id());
    NORROY_ASSIGN_OR_RETURN(
        const auto response,
        context.Call(*renewals, &RenewalService::Stub::RefreshRenewal, request));
    context.output().Object(response.renewal(), FieldsOf(response.renewal()));
    return absl::OkStatus();
  }
  issuer::v1::GetRenewalRequest request;
  request.set_certificate_id(certificate.id());
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*renewals, &RenewalService::Stub::GetRenewal, request));
  context.output().Object(response.renewal(), FieldsOf(response.renewal()));
  return absl::OkStatus();
}

absl::Status CertRenew(Context& context, const CertRenewOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const auto certificate, CertificateByEither(context, options.id));
  IssueOptions issue;
  issue.names = {certificate.names().begin(), certificate.names().end()};
  issue.renew = certificate.id();
  issue.csr_file = options.csr_file;
  issue.key_type = options.key_type.empty() ? certificate.key_type() : options.key_type;
  issue.out = options.out;
  issue.auto_renew = options.auto_renew;
  issue.timeout = options.timeout;
  return Issue(context, issue);
}

absl::Status CertAutoRenew(Context& context, const AutoRenewOptions& options) {
  if (options.off == !options.until.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     "say --until how long, or --off");
  }
  NORROY_ASSIGN_OR_RETURN(const auto certificate, CertificateByEither(context, options.id));
  issuer::v1::UpdateRenewalRequest request;
  request.set_certificate_id(certificate.id());
  if (!options.off) {
    NORROY_ASSIGN_OR_RETURN(const absl::Duration span, ParseSpan("--until", options.until));
    *request.mutable_auto_renew_until() = ToProto(context.clock().Now() + span);
  }
  NORROY_ASSIGN_OR_RETURN(const auto renewals, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*renewals, &RenewalService::Stub::UpdateRenewal, request));
  context.output().Object(response.renewal(), FieldsOf(response.renewal()));
  return absl::OkStatus();
}

absl::Status CertWatch(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto renewals, Connect(context));
  while (true) {
    const absl::Status status = WatchOnce(context, *renewals);
    if (!status.ok() && !absl::IsUnavailable(status)) return status;
    context.output().Say("the issuer is away; trying again");
    absl::SleepFor(kPause);
  }
}

}  // namespace norroy::cli
