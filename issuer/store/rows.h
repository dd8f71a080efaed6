#ifndef NORROY_ISSUER_STORE_ROWS_H_
#define NORROY_ISSUER_STORE_ROWS_H_

// What several parts of the store do with rows.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sql/database.h"
#include "common/sql/time_column.h"
#include "issuer/flow/order.h"
#include "issuer/store/store.h"

namespace norroy::store {

// orders.lease_end of an order that nobody holds.
inline constexpr int64_t kNotLeased = sql::kInfinitePast;
// Pages of lists are cut here.
inline constexpr int kMaxPage = 10'000;

std::string HashKey(absl::string_view text);
inline std::string SetHash(const flow::Order& order) { return HashKey(order.set_key()); }

// orders.due_time: final orders are never due.
int64_t DueColumn(const flow::Order& order);

// ABORTED, reason LEASE_LOST.
absl::Status LeaseLost(absl::string_view order_id);
absl::Status CheckLease(sql::Connection& connection, const Lease& lease);

// NOT_FOUND, reason ORDER_NOT_FOUND.
absl::StatusOr<flow::Order> ReadOrder(sql::Connection& connection, absl::string_view id);
// Counts the CA order of `order` for its set of names, once; forgets those over an hour old.
absl::Status NoteCaOrder(sql::Connection& connection, const flow::Order& order, absl::Time now);
// When fewer than `limit` failures of the identifier are younger than an hour.
absl::StatusOr<absl::Time> FailuresFreeAt(sql::Connection& connection, const std::string& ca,
                                          const std::string& identifier, int limit, absl::Time now);
// Notes that an order in this state is under way to the CA's verdict, once, or no longer is.
absl::Status NoteUnderWay(sql::Connection& connection, const flow::Order& order);
// Whose flight it is does not matter any more.
absl::Status DropFlights(sql::Connection& connection, absl::string_view order_id);

// The query of a page of records, newest first, of a table with columns create_time, id, record.
class PageQuery {
 public:
  explicit PageQuery(absl::string_view table) : table_(table) {}
  // "$" in `condition` stands for `value`.
  void Where(absl::string_view condition, sql::Value value);
  // `column` is one of `values`.
  void WhereOneOf(absl::string_view column, const std::vector<int64_t>& values);
  absl::StatusOr<std::vector<sql::Row>> Run(sql::Connection& connection, const PageKey& after,
                                            int limit);

 private:
  std::string Parameter(sql::Value value);

  const std::string table_;
  std::vector<std::string> conditions_;
  std::vector<sql::Value> parameters_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_ROWS_H_
