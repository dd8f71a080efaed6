#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"
#include "issuer/store/rows.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {
namespace {

absl::Status GiveBack(sql::Connection& connection, const flow::Order& order) {
  return connection
      .Execute(
          "DELETE FROM flights WHERE ca = $1 AND profile = $2 AND set_hash = $3 "
          "AND order_id = $4",
          {order.ca, order.profile, SetHash(order), order.id})
      .status();
}

}  // namespace

absl::StatusOr<bool> SqlStore::TakeFlight(const flow::Order& order, const Lease& lease) {
  const auto take = [&](sql::Connection& connection) -> absl::StatusOr<bool> {
    NORROY_RETURN_IF_ERROR(CheckLease(connection, lease));
    // The flight of an order that is final or gone is nobody's.
    NORROY_ASSIGN_OR_RETURN(
        const int64_t taken,
        connection.Execute(
            "INSERT INTO flights (ca, profile, set_hash, order_id) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (ca, profile, set_hash) DO UPDATE SET order_id = excluded.order_id "
            "WHERE flights.order_id = excluded.order_id OR NOT EXISTS (SELECT 1 FROM orders "
            "WHERE orders.id = flights.order_id AND orders.state NOT IN ($5, $6, $7))",
            {order.ca, order.profile, SetHash(order), order.id, StateColumn(flow::State::kDone),
             StateColumn(flow::State::kFailed), StateColumn(flow::State::kCancelled)}));
    return taken == 1;
  };
  return sql::WriteFor<bool>(database_, take);
}

absl::Status SqlStore::GiveFlightBack(const flow::Order& order, const Lease& lease) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_RETURN_IF_ERROR(CheckLease(connection, lease));
    return GiveBack(connection, order);
  });
}

}  // namespace norroy::store
