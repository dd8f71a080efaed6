#include "issuer/store/rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"

namespace norroy::store {

std::string HashKey(absl::string_view text) { return crypto::Hex(crypto::Sha256(text)); }

int64_t DueColumn(const flow::Order& order) {
  return flow::IsFinal(order.state) ? sql::kInfiniteFuture : sql::TimeColumn(order.due_time);
}

absl::Status LeaseLost(absl::string_view order_id) {
  return MakeError(
      absl::StatusCode::kAborted, "LEASE_LOST",
      absl::StrCat("order ", order_id, " is not ours any more: its lease ended or was taken over"),
      {{"order_id", std::string(order_id)}});
}

absl::Status CheckLease(sql::Connection& connection, const Lease& lease) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(
          "SELECT 1 FROM orders WHERE id = $1 AND lease_token = $2 AND lease_end <> $3",
          {lease.order_id, lease.token, kNotLeased}));
  return rows.empty() ? LeaseLost(lease.order_id) : absl::OkStatus();
}

absl::StatusOr<flow::Order> ReadOrder(sql::Connection& connection, absl::string_view id) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT record FROM orders WHERE id = $1", {std::string(id)}));
  if (rows.empty()) {
    const std::string printable = Printable(id, 64);
    return MakeError(absl::StatusCode::kNotFound, "ORDER_NOT_FOUND",
                     absl::StrCat("there is no order ", printable), {{"order_id", printable}});
  }
  absl::StatusOr<flow::Order> order = ParseOrder(rows.front().Bytes(0));
  if (!order.ok()) return WithContext(order.status(), absl::StrCat("order ", id));
  return order;
}

absl::Status DropFlights(sql::Connection& connection, absl::string_view order_id) {
  return connection.Execute("DELETE FROM flights WHERE order_id = $1", {std::string(order_id)})
      .status();
}

std::string PageQuery::Parameter(sql::Value value) {
  parameters_.push_back(std::move(value));
  return absl::StrCat("$", parameters_.size());
}

void PageQuery::Where(absl::string_view condition, sql::Value value) {
  conditions_.push_back(absl::StrReplaceAll(condition, {{"$", Parameter(std::move(value))}}));
}

void PageQuery::WhereOneOf(absl::string_view column, const std::vector<int64_t>& values) {
  std::vector<std::string> names;
  for (const int64_t value : values) names.push_back(Parameter(value));
  conditions_.push_back(absl::StrCat(column, " IN (", absl::StrJoin(names, ", "), ")"));
}

absl::StatusOr<std::vector<sql::Row>> PageQuery::Run(sql::Connection& connection,
                                                     const PageKey& after, int limit) {
  const std::string time = Parameter(sql::TimeColumn(after.create_time));
  const std::string id = Parameter(after.id);
  conditions_.push_back(absl::StrCat("(create_time, id) < (", time, ", ", id, ")"));
  const std::string count = Parameter(int64_t{std::clamp(limit, 0, kMaxPage)});
  return connection.Query(absl::StrCat("SELECT record, id FROM ", table_, " WHERE ",
                                       absl::StrJoin(conditions_, " AND "),
                                       " ORDER BY create_time DESC, id DESC LIMIT ", count),
                          parameters_);
}

}  // namespace norroy::store
