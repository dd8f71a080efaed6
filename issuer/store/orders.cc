#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"
#include "issuer/store/renewals.h"
#include "issuer/store/rows.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {
namespace {

constexpr absl::Duration kRequestIdsKept = absl::Hours(7 * 24);

// The id of the order that the creator made with this request_id; empty: it is this order's now.
// One statement decides, so that of any number of callers one makes the order.
absl::StatusOr<std::string> ClaimRequestId(sql::Connection& connection, const flow::Order& order,
                                           absl::Time now) {
  if (order.request_id.empty()) return std::string();
  NORROY_ASSIGN_OR_RETURN(
      const int64_t claimed,
      connection.Execute(
          "INSERT INTO requests (creator, request_id, request_hash, order_id, create_time) "
          "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (creator, request_id) DO UPDATE SET "
          "request_hash = excluded.request_hash, order_id = excluded.order_id, "
          "create_time = excluded.create_time WHERE requests.create_time <= $6",
          {order.creator, order.request_id, order.request_hash, order.id, sql::TimeColumn(now),
           sql::TimeColumn(now - kRequestIdsKept)}));
  if (claimed > 0) return std::string();
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(
          "SELECT order_id, request_hash FROM requests WHERE creator = $1 AND request_id = $2",
          {order.creator, order.request_id}));
  if (rows.empty()) return absl::AbortedError("the request_id changed hands; try again");
  if (rows.front().Text(1) == order.request_hash) return rows.front().Text(0);
  return MakeError(
      absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
      absl::StrCat("request_id ", Printable(order.request_id, 64),
                   " was used for another request (order ", rows.front().Text(0),
                   "); use a new one for each new request"),
      {{"request_id", Printable(order.request_id, 64)}, {"order_id", rows.front().Text(0)}});
}

absl::StatusOr<std::vector<flow::Order>> ParseOrders(const std::vector<sql::Row>& rows) {
  std::vector<flow::Order> orders;
  orders.reserve(rows.size());
  for (const sql::Row& row : rows) {
    absl::StatusOr<flow::Order> order = ParseOrder(row.Bytes(0));
    if (!order.ok()) return WithContext(order.status(), absl::StrCat("order ", row.Text(1)));
    orders.push_back(*std::move(order));
  }
  return orders;
}

// What CreateOrder indexed must stay as it was.
absl::Status CheckUnchanged(const flow::Order& before, const flow::Order& after) {
  if (before.id == after.id && before.creator == after.creator && before.names == after.names &&
      before.profile == after.profile && before.finalizers == after.finalizers &&
      before.create_time == after.create_time) {
    return absl::OkStatus();
  }
  return absl::InternalError(
      absl::StrCat("order ", before.id, ": a change touched what is set at creation"));
}

}  // namespace

std::unique_ptr<Store> Store::Make(sql::Database& database, absl::string_view writer) {
  return std::make_unique<SqlStore>(database, writer);
}

absl::Status SqlStore::Insert(sql::Connection& connection, const flow::Order& order, absl::Time now,
                              const OrderOrigin& origin) {
  NORROY_RETURN_IF_ERROR(
      connection
          .Execute("INSERT INTO orders (id, ca, profile, set_hash, state, create_time, due_time, "
                   "lease_owner, lease_token, lease_end, record) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0, $8, $9)",
                   {order.id, order.ca, order.profile, SetHash(order), StateColumn(order.state),
                    sql::TimeColumn(order.create_time), DueColumn(order), kNotLeased,
                    sql::Blob{OrderBytes(order)}})
          .status());
  for (const challenge::Name& name : order.names) {
    NORROY_RETURN_IF_ERROR(connection
                               .Execute("INSERT INTO order_names (name, order_id) VALUES ($1, $2) "
                                        "ON CONFLICT (name, order_id) DO NOTHING",
                                        {name.text(), order.id})
                               .status());
  }
  std::vector<std::string> readers = order.finalizers;
  readers.push_back(order.creator);
  for (const std::string& principal : readers) {
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("INSERT INTO order_readers (principal, order_id) VALUES ($1, $2) "
                     "ON CONFLICT (principal, order_id) DO NOTHING",
                     {principal, order.id})
            .status());
  }
  return Append(connection,
                {.principal = origin.by.empty() ? order.creator : origin.by,
                 .action = "order.create",
                 .object = absl::StrCat("order/", order.id),
                 .detail = absl::StrCat(
                     "ca=", order.ca, " profile=", order.profile, " names=", order.set_key(),
                     origin.by.empty() ? "" : " for=", origin.by.empty() ? "" : order.creator,
                     order.renews.empty() ? "" : " renews=", order.renews),
                 .peer = origin.peer,
                 .policy_version = order.policy_version,
                 .request_id = order.request_id,
                 .trace_id = origin.trace_id},
                now);
}

absl::StatusOr<flow::Order> SqlStore::CreateOrder(const flow::Order& order, absl::Time now,
                                                  const OrderOrigin& origin) {
  return sql::WriteFor<flow::Order>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<flow::Order> {
        NORROY_ASSIGN_OR_RETURN(const std::string earlier, ClaimRequestId(connection, order, now));
        // A retry of a call whose answer was lost costs nothing.
        if (!earlier.empty()) return ReadOrder(connection, earlier);
        if (origin.spending.has_value()) {
          NORROY_RETURN_IF_ERROR(
              CountSpending(connection, order.creator, order.id, *origin.spending, now));
        }
        NORROY_RETURN_IF_ERROR(Insert(connection, order, now, origin));
        NORROY_RETURN_IF_ERROR(NoteRepeat(connection, order));
        return order;
      });
}

absl::StatusOr<flow::Order> SqlStore::GetOrder(absl::string_view id) {
  return sql::ReadFor<flow::Order>(
      database_, [&](sql::Connection& connection) { return ReadOrder(connection, id); });
}

absl::StatusOr<std::vector<flow::Order>> SqlStore::GetOrders(const std::vector<std::string>& ids) {
  using Orders = std::vector<flow::Order>;
  if (ids.empty()) return Orders();
  std::vector<sql::Value> parameters(ids.begin(), ids.end());
  std::string places;
  for (size_t i = 1; i <= ids.size(); ++i) absl::StrAppend(&places, i == 1 ? "$" : ", $", i);
  const auto read = [&](sql::Connection& connection) -> absl::StatusOr<Orders> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query(absl::StrCat("SELECT record, id FROM orders WHERE id IN (", places, ")"),
                         parameters));
    return ParseOrders(rows);
  };
  return sql::ReadFor<Orders>(database_, read);
}

absl::StatusOr<std::vector<flow::Order>> SqlStore::ListOrders(const OrderFilter& filter,
                                                              const PageKey& after, int limit) {
  const auto look = [&](sql::Connection& connection) -> absl::StatusOr<std::vector<flow::Order>> {
    PageQuery query("orders");
    if (filter.reader.has_value()) {
      query.Where("id IN (SELECT order_id FROM order_readers WHERE principal = $)", *filter.reader);
    }
    if (filter.name.has_value()) {
      query.Where("id IN (SELECT order_id FROM order_names WHERE name = $)", filter.name->text());
    }
    if (!filter.states.empty()) {
      std::vector<int64_t> states;
      for (const flow::State state : filter.states) states.push_back(StateColumn(state));
      query.WhereOneOf("state", states);
    }
    NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows, query.Run(connection, after, limit));
    return ParseOrders(rows);
  };
  return sql::ReadFor<std::vector<flow::Order>>(database_, look);
}

absl::StatusOr<flow::Order> SqlStore::ChangeOrder(absl::string_view id, bool take_over,
                                                  const Change& change, const AuditEntry& audit) {
  return sql::WriteFor<flow::Order>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<flow::Order> {
        NORROY_ASSIGN_OR_RETURN(const flow::Order before, ReadOrder(connection, id));
        flow::Order order = before;
        NORROY_RETURN_IF_ERROR(change(order));
        NORROY_RETURN_IF_ERROR(CheckUnchanged(before, order));
        NORROY_RETURN_IF_ERROR(
            connection
                .Execute("UPDATE orders SET state = $2, due_time = $3, record = $4 WHERE id = $1",
                         {order.id, StateColumn(order.state), DueColumn(order),
                          sql::Blob{OrderBytes(order)}})
                .status());
        if (take_over) {
          NORROY_RETURN_IF_ERROR(
              connection
                  .Execute("UPDATE orders SET lease_token = lease_token + 1, lease_owner = '', "
                           "lease_end = $2 WHERE id = $1",
                           {order.id, kNotLeased})
                  .status());
        }
        if (flow::IsFinal(order.state)) {
          NORROY_RETURN_IF_ERROR(NoteRepeat(connection, order));
          NORROY_RETURN_IF_ERROR(DropFlights(connection, order.id));
        }
        NORROY_RETURN_IF_ERROR(Append(connection, audit, order.update_time));
        return order;
      });
}

}  // namespace norroy::store
