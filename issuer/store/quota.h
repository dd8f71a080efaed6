#ifndef NORROY_ISSUER_STORE_QUOTA_H_
#define NORROY_ISSUER_STORE_QUOTA_H_

// What principals have had in the last 24 h, counted in the transaction of what is counted: of any
// number of callers that race, as many pass as the quota allows. Rows are table order_domains: one
// for each thing counted (domain ''), one for each registered domain that it is for, and one that
// is written first each time (domain '' and order_id ''), so that transactions for one principal
// wait for each other wherever the database lets several write at once.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sql/database.h"

namespace norroy::store {

inline constexpr absl::Duration kQuotaWindow = absl::Hours(24);

// What an order counts for, and how much of that its principal may have in kQuotaWindow.
struct Spending {
  int orders_per_day = 0;
  int orders_per_domain_per_day = 0;
  std::vector<std::string> domains;  // registered domains and addresses, each once
};

// Counts `id`. RESOURCE_EXHAUSTED, reason QUOTA_EXCEEDED, if the principal had as many already:
// names the domain, the limit, and when the next is free (metadata retry_at). What is dated more
// than one window ahead of `now` does not count: the clock was wrong when it was noted.
absl::Status CountSpending(sql::Connection& connection, absl::string_view principal,
                           absl::string_view id, const Spending& spending, absl::Time now);

// For what asks as much as an order and is none: a validate_only, a retry that begins anew.
// Thread-safe.
class Quotas {
 public:
  // `database` outlives this object, and has the store's schema.
  explicit Quotas(sql::Database& database) : database_(database) {}

  // `id`: of this one thing, once.
  absl::Status Spend(absl::string_view principal, absl::string_view id, const Spending& spending,
                     absl::Time now);

 private:
  sql::Database& database_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_QUOTA_H_
