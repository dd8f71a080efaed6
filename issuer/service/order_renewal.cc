// Orders that renew a certificate.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/order_request.h"
#include "issuer/service/orders.h"

namespace norroy::service {

absl::StatusOr<Orders::Renewed> Orders::RenewedBy(const rpc::Caller& caller,
                                                  const issuer::v1::CreateOrderRequest& request) {
  Renewed renewed{.request = request};
  if (request.renew().empty()) return renewed;
  NORROY_RETURN_IF_ERROR(CheckId("certificate", request.renew()));
  const absl::StatusOr<flow::StoredCertificate> old = o_.store.GetCertificate(request.renew());
  if (absl::IsNotFound(old.status())) return NoSuch("certificate", request.renew());
  if (!old.ok()) return old.status();
  NORROY_ASSIGN_OR_RETURN(const flow::Order order, o_.store.GetOrder(old->order_id));
  if (!Sees(caller, *old) && !Sees(caller, order)) return NoSuch("certificate", request.renew());
  renewed.certificate = *old;
  issuer::v1::CreateOrderRequest& whole = renewed.request;
  if (whole.names().empty()) {
    for (const challenge::Name& name : old->names) whole.add_names(name.text());
  }
  // An order that named no CA is renewed by one that names none; so is one whose CA is gone.
  const std::vector<std::string> cas = o_.accounts.cas();
  const bool gone = std::find(cas.begin(), cas.end(), old->ca) == cas.end();
  const bool open = gone || (order.ca_open && old->profile.empty());
  if (whole.ca().empty() && !open) whole.set_ca(old->ca);
  if (whole.profile().empty() && whole.ca() == old->ca) whole.set_profile(old->profile);
  if (whole.preferred_chain().empty()) whole.set_preferred_chain(order.preferred_chain);
  // Of somebody else's order, who may finalize is not taken over.
  if (order.creator != caller.identity.Principal()) return renewed;
  if (whole.finalizers().empty()) {
    for (const std::string& finalizer : order.finalizers) whole.add_finalizers(finalizer);
  }
  if (whole.labels().empty()) {
    whole.mutable_labels()->insert(order.labels.begin(), order.labels.end());
  }
  return renewed;
}

absl::Status Orders::CheckRenews(const Renewed& renewed, const flow::Order& order) {
  if (!renewed.certificate.has_value()) return absl::OkStatus();
  std::vector<challenge::Name> names = renewed.certificate->names;
  std::sort(names.begin(), names.end());
  if (names == order.names) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument, "OTHER_NAMES",
                   absl::StrCat("names: certificate ", renewed.certificate->id,
                                " has other names; leave them out, or order without `renew`"),
                   {{"field", "names"}});
}

}  // namespace norroy::service
