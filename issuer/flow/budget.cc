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

absl::StatusOr<Priority> Budget::PriorityOf(const Order& order, absl::Time now, bool& excepted) {
  if (order.renews.empty()) return Priority::kNew;
  const absl::StatusOr<StoredCertificate> old = store_.GetCertificate(order.renews);
  if (absl::IsNotFound(old.status())) return Priority::kNew;
  if (!old.ok()) return old.status();
  excepted = old->ca == order.ca && !order.replaces_refused;
  return IsExpiring(*old, now) ? Priority::kExpiring : Priority::kRenewal;
}

absl::StatusOr<absl::Time> Budget::Draw(const Order& order, const store::Lease& lease,
                                        absl::Time now) {
  const auto it = cas_.find(order.ca);
  if (it == cas_.end()) return now;
  const auto& [directory_url, limits] = it->second;
  if (!limits.new_orders_per_account.has_value() && !limits.certificates_per_domain.has_value()) {
    return now;
  }
  bool excepted = false;
  NORROY_ASSIGN_OR_RETURN(const Priority priority, PriorityOf(order, now, excepted));
  if (!excepted) {
    NORROY_ASSIGN_OR_RETURN(excepted, ledger_.HasIssued(order, now - kRenewedWithin));
  }
  if (excepted) return now;
  const bool urgent = priority == Priority::kExpiring;
  store::Draw draw = {.order_id = order.id,
                      .turn = order.restarts,
                      .principal = order.creator,
                      .priority = static_cast<int>(priority)};
  if (limits.new_orders_per_account.has_value()) {
    draw.buckets[AccountBucket(order.ca)] = limits::RuleOf(*limits.new_orders_per_account, urgent);
  }
  if (limits.certificates_per_domain.has_value()) {
    for (const challenge::Name& name : order.names) {
      draw.buckets[DomainBucket(it->second, limits::SubjectOf(name.identifier()))] =
          limits::RuleOf(*limits.certificates_per_domain, urgent);
    }
  }
  return ledger_.Take(draw, lease, now);
}

absl::Status Budget::GiveBack(const Order& order) {
  if (cas_.count(order.ca) == 0) return absl::OkStatus();
  return ledger_.GiveBack(order.id);
}

}  // namespace norroy::flow
