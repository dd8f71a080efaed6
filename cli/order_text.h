#ifndef NORROY_CLI_ORDER_TEXT_H_
#define NORROY_CLI_ORDER_TEXT_H_

// An order as people read it.

#include <string>

#include "absl/status/status.h"
#include "cli/output.h"
#include "norroy/issuer/v1/order_service.pb.h"

namespace norroy::cli {

bool IsFinal(issuer::v1::OrderState state);

Fields OrderFields(const issuer::v1::Order& order);

// One line: where it stands, what it waits for, the last error.
std::string OrderProgress(const issuer::v1::Order& order);

// OK, unless the order ended without a certificate: then why, with the CA's problem.
// RESOURCE_EXHAUSTED if a rate limit ended it.
absl::Status OrderOutcome(const issuer::v1::Order& order);

}  // namespace norroy::cli

#endif  // NORROY_CLI_ORDER_TEXT_H_
