#ifndef NORROY_ISSUER_ACME_ORDER_H_
#define NORROY_ISSUER_ACME_ORDER_H_

// The CA's order object (RFC 8555 7.1.3).

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "issuer/acme/directory.h"
#include "issuer/acme/problem.h"

namespace norroy::acme {

// RFC 8555 7.1.6.
enum class OrderStatus { kPending, kReady, kProcessing, kValid, kInvalid };

struct Order {
  std::string url;
  OrderStatus status = OrderStatus::kPending;
  std::optional<absl::Time> expires;
  std::vector<challenge::Name> names;  // sorted; "*." in the identifiers read as wildcards
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;
  std::string profile;  // that the CA says it has; may be empty
  std::optional<Problem> error;
  // From the reply (RFC 8555 7.4): do not ask again before.
  std::optional<absl::Time> retry_after;

  // Checks URLs, caps (100 authorizations) and types; unknown fields are ignored.
  static absl::StatusOr<Order> Parse(absl::string_view json, absl::string_view url,
                                     const UrlPolicy& urls);
};

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_ORDER_H_
