#ifndef NORROY_ISSUER_SERVICE_ORDER_SPENDING_H_
#define NORROY_ISSUER_SERVICE_ORDER_SPENDING_H_

// What a decision of the policy means for an order: what it counts for, and what is noted with it.

#include <string>

#include "issuer/flow/order.h"
#include "issuer/policy/policy.h"
#include "issuer/store/quota.h"

namespace norroy::service {

store::Spending SpendingOf(const policy::Quota& quota, const flow::Order& order);

// By which policy it may be.
void NoteDecision(const policy::Decision& decision, flow::Order& order);
// Who handed its CSR in, and by which policy. A finalizer whose grant wants names proved anew has
// his way.
void NoteFinalizer(const std::string& principal, const policy::Decision& decision,
                   flow::Order& order);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ORDER_SPENDING_H_
