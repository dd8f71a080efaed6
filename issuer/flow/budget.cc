#include "issuer/flow/budget.h"

#include <optional>

#include "common/status_macros.h"

namespace norroy::flow {
namespace {

// Let's Encrypt counts a set of names as renewed if it issued it within this time.
constexpr absl::Duration kRenewedWithin = absl::Hours(24 * 120);
// A certificate with less than a fifth of its life left is about to expire.
constexpr int kExpiringPart = 5;

bool IsExpiring(const StoredCertificate& certificate, absl::Time now) {
  const absl::Duration life = certificate.not_after - certificate.not_before;
  return certificate.not_after - now < life / kExpiringPart;
}

}  // namespace

store::BucketKey AccountBucket(const std::string& ca) {
  return {ca, store::kNewOrdersPerAccount, ""};
}

store::BucketKey DomainBucket(const limits::KnownCa& ca, const std::string& subject) {
  return {ca.directory_url, store::kCertificatesPerDomain, subject};
}

bool Budget::Counts(const std::string& ca) const {
  const auto it = cas_.find(ca);
  return it != cas_.end() && (it->second.limits.new_orders_per_account.has_value() ||
                              it->second.limits.certificates_per_domain.has_value());
}

absl::StatusOr<Priority> Budget::PriorityOf(const Order& order, absl::Time now) {
  if (order.renews.empty()) return Priority::kNew;
  const absl::StatusOr<StoredCertificate> old = store_.GetCertificate(order.renews);
  if (absl::IsNotFound(old.status())) return Priority::kNew;
  if (!old.ok()) return old.status();
  return IsExpiring(*old, now) ? Priority::kExpiring : Priority::kRenewal;
}

absl::StatusOr<absl::Time> Budget::Draw(const Order& order, bool replaces,
                                        const store::Lease& lease, absl::Time now) {
  if (replaces || !Counts(order.ca)) return now;
  NORROY_ASSIGN_OR_RETURN(const bool issued, ledger_.HasIssued(order, now - kRenewedWithin));
  if (issued) return now;
  const limits::KnownCa& ca = cas_.at(order.ca);
  const limits::CaLimits& limits = ca.limits;
  NORROY_ASSIGN_OR_RETURN(const Priority priority, PriorityOf(order, now));
  const bool urgent = priority == Priority::kExpiring;
  store::Draw draw = {.order_id = order.id,
                      .turn = order.restarts,
                      .principal = order.creator,
                      .priority = static_cast<int>(priority),
                      .since = order.create_time};
  if (limits.new_orders_per_account.has_value()) {
    draw.buckets[AccountBucket(order.ca)] = limits::RuleOf(*limits.new_orders_per_account, urgent);
  }
  if (limits.certificates_per_domain.has_value()) {
    for (const challenge::Name& name : order.names) {
      draw.buckets[DomainBucket(ca, limits::SubjectOf(name.identifier()))] =
          limits::RuleOf(*limits.certificates_per_domain, urgent);
    }
  }
  return ledger_.Take(draw, lease, now);
}

absl::Status Budget::GiveBack(const Order& order) {
  if (!Counts(order.ca)) return absl::OkStatus();
  return ledger_.GiveBack(order.id);
}

}  // namespace norroy::flow
