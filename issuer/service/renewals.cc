#include "issuer/service/renewals.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/limits.h"
#include "issuer/service/order_request.h"
#include "issuer/service/page.h"

namespace norroy::service {
namespace {

// RFC 9773 4.3.2: no client asks more often.
constexpr absl::Duration kBetweenRefreshes = absl::Minutes(1);

issuer::v1::RenewalBasis BasisOf(renewal::Basis basis) {
  switch (basis) {
    case renewal::Basis::kLifetime:
      return issuer::v1::RENEWAL_BASIS_LIFETIME;
    case renewal::Basis::kWindow:
      return issuer::v1::RENEWAL_BASIS_WINDOW;
    case renewal::Basis::kUrged:
      return issuer::v1::RENEWAL_BASIS_URGED;
    case renewal::Basis::kIgnored:
      return issuer::v1::RENEWAL_BASIS_IGNORED;
  }
  return issuer::v1::RENEWAL_BASIS_UNSPECIFIED;
}

issuer::v1::RenewalState StateOf(const store::Renewal& renewal, absl::Time now) {
  if (renewal.over) return issuer::v1::RENEWAL_STATE_OVER;
  if (renewal.attempt_time == absl::InfiniteFuture()) return issuer::v1::RENEWAL_STATE_ORDERED;
  return renewal.plan.time <= now ? issuer::v1::RENEWAL_STATE_DUE
                                  : issuer::v1::RENEWAL_STATE_SCHEDULED;
}

bool IsMoment(absl::Time time) {
  return time > absl::InfinitePast() && time < absl::InfiniteFuture();
}

void SetMoment(absl::Time time, google::protobuf::Timestamp* (issuer::v1::Renewal::*field)(),
               issuer::v1::Renewal& proto) {
  if (IsMoment(time)) *(proto.*field)() = ToTimestamp(time);
}

// True: the page ends here.
bool Fill(const std::vector<store::Renewal>& rows, absl::Time now, PageFiller& filler,
          issuer::v1::ListRenewalsResponse& response) {
  for (const store::Renewal& renewal : rows) {
    issuer::v1::Renewal proto = ToProto(renewal, now);
    const size_t bytes = proto.ByteSizeLong();
    if (!filler.HasRoom(bytes)) return true;
    filler.Took({renewal.plan.time, renewal.certificate_id}, bytes);
    *response.add_renewals() = std::move(proto);
  }
  return false;
}

}  // namespace

issuer::v1::Renewal ToProto(const store::Renewal& renewal, absl::Time now) {
  using Proto = issuer::v1::Renewal;
  Proto proto;
  proto.set_certificate_id(renewal.certificate_id);
  for (const challenge::Name& name : renewal.names) proto.add_names(name.text());
  proto.set_ca(renewal.ca);
  proto.set_creator(renewal.creator);
  proto.set_state(StateOf(renewal, now));
  SetMoment(renewal.plan.time, &Proto::mutable_renewal_time, proto);
  proto.set_basis(BasisOf(renewal.plan.basis));
  SetMoment(renewal.not_after, &Proto::mutable_not_after, proto);
  if (renewal.plan.window.has_value()) {
    SetMoment(renewal.plan.window->start, &Proto::mutable_window_start_time, proto);
    SetMoment(renewal.plan.window->end, &Proto::mutable_window_end_time, proto);
  }
  proto.set_explanation_url(renewal.explanation_url);
  if (!renewal.over) SetMoment(renewal.poll_time, &Proto::mutable_next_poll_time, proto);
  SetMoment(renewal.auto_renew_until, &Proto::mutable_auto_renew_until, proto);
  proto.set_order_id(renewal.order_id);
  if (!renewal.over) SetMoment(renewal.attempt_time, &Proto::mutable_next_attempt_time, proto);
  proto.set_error_reason(renewal.error_reason);
  proto.set_error_message(renewal.error_message);
  proto.set_renewed_by(renewal.renewed_by);
  return proto;
}

absl::StatusOr<store::Renewal> Renewals::Visible(const rpc::Caller& caller, const std::string& id) {
  NORROY_RETURN_IF_ERROR(CheckId("certificate", id));
  const absl::StatusOr<flow::StoredCertificate> certificate = o_.store.GetCertificate(id);
  if (absl::IsNotFound(certificate.status())) return NoSuch("certificate", id);
  if (!certificate.ok()) return certificate.status();
  if (!Sees(caller, *certificate)) return NoSuch("certificate", id);
  return o_.renewals.Get(id);
}

absl::StatusOr<issuer::v1::GetRenewalResponse> Renewals::Get(
    const rpc::Caller& caller, const issuer::v1::GetRenewalRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const store::Renewal renewal, Visible(caller, request.certificate_id()));
  issuer::v1::GetRenewalResponse response;
  *response.mutable_renewal() = ToProto(renewal, o_.clock.Now());
  return response;
}

absl::StatusOr<issuer::v1::ListRenewalsResponse> Renewals::List(
    const rpc::Caller& caller, const issuer::v1::ListRenewalsRequest& request) {
  store::RenewalFilter filter;
  filter.reader = ReaderOf(caller);
  filter.with_over = request.show_over();
  if (request.has_due_by()) {
    filter.due_by = absl::FromUnixSeconds(request.due_by().seconds()) +
                    absl::Nanoseconds(request.due_by().nanos());
  }
  const std::string query = absl::StrJoin({std::string("renewals"), filter.reader.value_or("*"),
                                           absl::StrCat(absl::ToUnixMicros(filter.due_by)),
                                           std::string(filter.with_over ? "over" : "open")},
                                          absl::string_view("\0", 1));
  NORROY_ASSIGN_OR_RETURN(Page page, ParsePage(request.page_size(), request.page_token(), query));
  if (request.page_token().empty()) page.after = {absl::InfinitePast(), ""};
  PageFiller filler(page);
  issuer::v1::ListRenewalsResponse response;
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<store::Renewal> rows,
      o_.renewals.List(filter, {page.after.create_time, page.after.id}, page.limit + 1));
  if (Fill(rows, o_.clock.Now(), filler, response)) {
    response.set_next_page_token(PageToken(filler.last(), query));
  }
  return response;
}

absl::StatusOr<issuer::v1::UpdateRenewalResponse> Renewals::Update(
    const rpc::Caller& caller, const issuer::v1::UpdateRenewalRequest& request) {
  const absl::StatusOr<store::Renewal> renewal = TryUpdate(caller, request);
  denials_.Note(caller, "renewal.update",
                absl::StrCat("certificate/", Printable(request.certificate_id(), 64)),
                renewal.status());
  if (!renewal.ok()) return renewal.status();
  issuer::v1::UpdateRenewalResponse response;
  *response.mutable_renewal() = ToProto(*renewal, o_.clock.Now());
  return response;
}

absl::StatusOr<store::Renewal> Renewals::TryUpdate(
    const rpc::Caller& caller, const issuer::v1::UpdateRenewalRequest& request) {
  const absl::Time now = o_.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const store::Renewal renewal, Visible(caller, request.certificate_id()));
  NORROY_RETURN_IF_ERROR(CheckOwns(caller, "certificate", renewal.creator));
  absl::Time until = absl::InfinitePast();
  std::string detail = "its owner renews";
  if (request.has_auto_renew_until()) {
    NORROY_ASSIGN_OR_RETURN(until, ParseAutoRenewUntil(request.auto_renew_until(), now));
    NORROY_ASSIGN_OR_RETURN(const flow::StoredCertificate certificate,
                            o_.store.GetCertificate(renewal.certificate_id));
    NORROY_RETURN_IF_ERROR(o_.policy
                               .Check({certificate.creator, certificate.names, certificate.ca,
                                       certificate.profile, std::nullopt})
                               .status());
    detail = absl::StrCat("the issuer renews until ", absl::FormatTime(until, absl::UTCTimeZone()));
  }
  return o_.renewals.Update(
      renewal.certificate_id,
      [&](store::Renewal& row) -> absl::Status {
        if (row.over) {
          return MakeError(
              absl::StatusCode::kFailedPrecondition, "RENEWAL_OVER",
              absl::StrCat("certificate ", row.certificate_id, " was ",
                           row.renewed_by.empty() ? "revoked" : "replaced by ", row.renewed_by));
        }
        row.auto_renew_until = until;
        row.change_time = now;
        return absl::OkStatus();
      },
      AuditOf(caller, "renewal.update", absl::StrCat("certificate/", renewal.certificate_id),
              detail),
      now);
}

absl::StatusOr<issuer::v1::RefreshRenewalResponse> Renewals::Refresh(
    const rpc::Caller& caller, const issuer::v1::RefreshRenewalRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const store::Renewal renewal, Visible(caller, request.certificate_id()));
  const absl::Time now = o_.clock.Now();
  const absl::Time next = renewal.poll_success_time + kBetweenRefreshes;
  if (now < next) {
    return MakeError(
        absl::StatusCode::kResourceExhausted, "ASKED_LATELY",
        absl::StrCat("the CA was asked less than a minute ago; again at ",
                     absl::FormatTime(next, absl::UTCTimeZone())),
        {{"retry_at", absl::FormatTime(absl::RFC3339_sec, next, absl::UTCTimeZone())}});
  }
  NORROY_ASSIGN_OR_RETURN(const store::Renewal asked, o_.keeper.Ask(renewal.certificate_id));
  issuer::v1::RefreshRenewalResponse response;
  *response.mutable_renewal() = ToProto(asked, o_.clock.Now());
  return response;
}

}  // namespace norroy::service
