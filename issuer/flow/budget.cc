#include "issuer/flow/budget.h"

#include <vector>

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

store::Buckets Budget::BucketsOf(const Order& order, const std::string& ca, bool urgent) const {
  store::Buckets buckets;
  const limits::KnownCa& known = cas_.at(ca);
  if (known.limits.new_orders_per_account.has_value()) {
    buckets[AccountBucket(ca)] = limits::RuleOf(*known.limits.new_orders_per_account, urgent);
  }
  if (known.limits.certificates_per_domain.has_value()) {
    for (const challenge::Name& name : order.names) {
      buckets[DomainBucket(known, limits::SubjectOf(name.identifier()))] =
          limits::RuleOf(*known.limits.certificates_per_domain, urgent);
    }
  }
  return buckets;
}

absl::StatusOr<store::Drawn> Budget::Draw(const Order& order, bool replaces,
                                          const store::Lease& lease, absl::Time now) {
  const store::Drawn nothing = {now, now};
  if (!Counts(order.ca)) {
    // It may come from a CA that counts.
    if (order.beginnings > 0) NORROY_RETURN_IF_ERROR(GiveBack(order));
    return nothing;
  }
  if (cas_.at(order.ca).limits.renewals_are_free) {
    if (replaces) return nothing;
    NORROY_ASSIGN_OR_RETURN(const bool issued, ledger_.HasIssued(order, now - kRenewedWithin));
    if (issued) return nothing;
  }
  NORROY_ASSIGN_OR_RETURN(const Priority priority, PriorityOf(order, now));
  return ledger_.Take({.order_id = order.id,
                       .beginning = order.beginnings,
                       .principal = order.creator,
                       .priority = static_cast<int>(priority),
                       .since = order.create_time,
                       .buckets = BucketsOf(order, order.ca, priority == Priority::kExpiring)},
                      lease, now);
}

absl::StatusOr<bool> Budget::WouldWait(const Order& order, const std::string& ca, absl::Time now) {
  if (!Counts(ca)) return false;
  const store::Buckets buckets = BucketsOf(order, ca, /*urgent=*/false);
  std::vector<store::BucketKey> keys;
  for (const auto& [key, rule] : buckets) keys.push_back(key);
  NORROY_ASSIGN_OR_RETURN(const std::vector<store::BucketState> states, ledger_.Get(keys, now));
  for (const store::BucketState& state : states) {
    const int before = static_cast<int>(state.waiting);
    if (limits::WhenLeft(buckets.at(state.key), state.full_at, before + 1, now) > now) return true;
  }
  return false;
}

absl::Status Budget::GiveBack(const Order& order) {
  const bool counted = Counts(order.ca) || order.beginnings > 0;
  if (!counted || !order.finalize_intent_url.empty()) return absl::OkStatus();
  return ledger_.GiveBack(order.id);
}

}  // namespace norroy::flow
