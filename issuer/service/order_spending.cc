#include "issuer/service/order_spending.h"

#include "issuer/policy/registered_domain.h"

namespace norroy::service {

store::Spending SpendingOf(const policy::Quota& quota, const flow::Order& order) {
  return {.orders_per_day = quota.orders_per_day,
          .orders_per_domain_per_day = quota.orders_per_domain_per_day,
          .domains = policy::RegisteredDomains(order.names)};
}

void NoteDecision(const policy::Decision& decision, flow::Order& order) {
  order.policy_version = decision.version;
  order.reuse_never = decision.reuse_never;
}

void NoteFinalizer(const std::string& principal, const policy::Decision& decision,
                   flow::Order& order) {
  order.finalizer = principal;
  order.finalize_policy_version = decision.version;
  order.reuse_never = order.reuse_never || decision.reuse_never;
}

}  // namespace norroy::service
