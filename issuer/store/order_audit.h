#ifndef NORROY_ISSUER_STORE_ORDER_AUDIT_H_
#define NORROY_ISSUER_STORE_ORDER_AUDIT_H_

// What the audit says of an order on its way. Pure functions.

#include <string>

#include "common/audit/entry.h"
#include "issuer/flow/order.h"

namespace norroy::store {

// It is in another state than before: "order.validating", with its problems if it has any.
audit::Entry AuditOfState(const flow::Order& order, flow::State before);
// It goes to another CA than before: "order.failed_over", with the last CA's failure.
audit::Entry AuditOfFailOver(const flow::Order& order);
// It has another problem than before in the same state: "order.problem".
audit::Entry AuditOfProblem(const flow::Order& order);
// Its problem and those of its names, in words; empty: none. Two orders with the same text have the
// same problems.
std::string ProblemsOf(const flow::Order& order);

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_ORDER_AUDIT_H_
