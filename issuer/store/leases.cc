#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/order_audit.h"
#include "issuer/store/records.h"
#include "issuer/store/renewals.h"
#include "issuer/store/rows.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {
namespace {

// An order whose row cannot be read must not keep the others from being worked on.
constexpr absl::Duration kSetAside = absl::Hours(1);
// Nor one whose row cannot be written. That is known to this process alone, and tried again sooner.
constexpr absl::Duration kUnwritableAside = absl::Minutes(1);
// More than so many at once are no fault of theirs.
constexpr int kMaxUnwritable = 10;

absl::Status SetAside(sql::Connection& connection, const std::string& id, absl::Time now) {
  return connection
      .Execute("UPDATE orders SET due_time = $2 WHERE id = $1",
               {id, sql::TimeColumn(now + kSetAside)})
      .status();
}

// What the database says of one row alone: a trigger, a damaged index. What it says of itself has a
// reason.
bool IsOfTheRow(const absl::Status& status) { return !status.ok() && ErrorReason(status).empty(); }

// `row`: id, lease_token, record. Unset: somebody else took it since it was read.
absl::StatusOr<std::optional<Leased>> Claim(sql::Connection& connection, const sql::Row& row,
                                            absl::string_view owner, absl::Time now,
                                            absl::Duration lease) {
  NORROY_ASSIGN_OR_RETURN(flow::Order order, ParseOrder(row.Bytes(2)));
  const int64_t token = row.Int(1) + 1;
  NORROY_ASSIGN_OR_RETURN(
      const int64_t claimed,
      connection.Execute("UPDATE orders SET lease_owner = $1, lease_token = $2, lease_end = $3 "
                         "WHERE id = $4 AND lease_token = $5 AND lease_end <= $6",
                         {std::string(owner), token, sql::TimeColumn(now + lease), row.Text(0),
                          row.Int(1), sql::TimeColumn(now)}));
  if (claimed == 0) return std::optional<Leased>();
  return std::optional<Leased>(
      Leased{.order = std::move(order), .lease = {.order_id = row.Text(0), .token = token}});
}

// Of rows that begin with an id.
const sql::Row* FirstNotIn(const std::set<std::string>& aside, const std::vector<sql::Row>& rows) {
  for (const sql::Row& row : rows) {
    if (!aside.contains(row.Text(0))) return &row;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::optional<Leased>> SqlStore::TakeDue(absl::string_view owner, absl::Time now,
                                                        absl::Duration lease) {
  const std::set<std::string> aside = unwritable_.At(now);
  std::string tried;
  const auto take = [&](sql::Connection& connection) -> absl::StatusOr<std::optional<Leased>> {
    while (true) {
      NORROY_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          connection.Query("SELECT id, lease_token, record FROM orders WHERE due_time <= $1 AND "
                           "due_time < $2 AND lease_end <= $1 ORDER BY due_time, id LIMIT $3",
                           {sql::TimeColumn(now), sql::kInfiniteFuture,
                            static_cast<int64_t>(aside.size()) + 1}));
      const sql::Row* const row = FirstNotIn(aside, rows);
      if (row == nullptr) return std::optional<Leased>();
      tried = row->Text(0);
      absl::StatusOr<std::optional<Leased>> leased = Claim(connection, *row, owner, now, lease);
      if (absl::IsDataLoss(leased.status())) {
        NORROY_RETURN_IF_ERROR(SetAside(connection, tried, now));
        continue;
      }
      if (!leased.ok() || leased->has_value()) return leased;
    }
  };
  absl::StatusOr<std::optional<Leased>> taken =
      sql::WriteFor<std::optional<Leased>>(database_, take);
  if (!IsOfTheRow(taken.status()) || tried.empty() || aside.size() >= kMaxUnwritable) return taken;
  log::Error("store", "an order cannot be written and is left aside for a minute",
             {{"order_id", tried}, {"error", taken.status().message()}});
  unwritable_.Add(tried, now + kUnwritableAside);
  return TakeDue(owner, now, lease);
}

absl::StatusOr<std::optional<Leased>> SqlStore::TakeOrder(absl::string_view id,
                                                          absl::string_view owner, absl::Time now,
                                                          absl::Duration lease) {
  const auto take = [&](sql::Connection& connection) -> absl::StatusOr<std::optional<Leased>> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query(
            "SELECT id, lease_token, record, state FROM orders "
            "WHERE id = $1 AND lease_end <= $2 AND state NOT IN ($3, $4, $5)",
            {std::string(id), sql::TimeColumn(now), StateColumn(flow::State::kDone),
             StateColumn(flow::State::kFailed), StateColumn(flow::State::kCancelled)}));
    if (rows.empty()) return std::optional<Leased>();
    return Claim(connection, rows.front(), owner, now, lease);
  };
  return sql::WriteFor<std::optional<Leased>>(database_, take);
}

absl::StatusOr<int64_t> Store::BreakLeases(sql::Connection& connection, absl::string_view owner) {
  return connection.Execute(
      "UPDATE orders SET lease_token = lease_token + 1, lease_end = $1 "
      "WHERE lease_owner = $2 AND lease_end > $1",
      {kNotLeased, std::string(owner)});
}

absl::StatusOr<int64_t> SqlStore::BreakLeases(absl::string_view owner) {
  return sql::WriteFor<int64_t>(database_, [&](sql::Connection& connection) {
    return Store::BreakLeases(connection, owner);
  });
}

absl::StatusOr<std::map<std::string, int64_t>> SqlStore::LeasesOf(absl::string_view owner,
                                                                  absl::Time now) {
  using Tokens = std::map<std::string, int64_t>;
  const auto read = [&](sql::Connection& connection) -> absl::StatusOr<Tokens> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query(
            "SELECT id, lease_token FROM orders WHERE lease_owner = $1 AND lease_end > $2",
            {std::string(owner), sql::TimeColumn(now)}));
    Tokens tokens;
    for (const sql::Row& row : rows) tokens.emplace(row.Text(0), row.Int(1));
    return tokens;
  };
  return sql::ReadFor<Tokens>(database_, read);
}

absl::StatusOr<absl::Time> SqlStore::NextDue(absl::Time now) {
  const std::set<std::string> aside = unwritable_.At(now);
  const auto find = [&](sql::Connection& connection) -> absl::StatusOr<absl::Time> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> unheld,
        connection.Query(
            "SELECT id, due_time FROM orders WHERE lease_end <= $1 ORDER BY due_time, id LIMIT $2",
            {sql::TimeColumn(now), static_cast<int64_t>(aside.size()) + 1}));
    // A held order counts from the end of its lease on.
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> held,
        connection.Query("SELECT MIN(CASE WHEN due_time > lease_end THEN due_time "
                         "ELSE lease_end END) FROM orders WHERE lease_end > $1 AND due_time < $2",
                         {sql::TimeColumn(now), sql::kInfiniteFuture}));
    absl::Time next = unwritable_.End();
    const sql::Row* const first = FirstNotIn(aside, unheld);
    if (first != nullptr) next = std::min(next, sql::TimeOf(first->Int(1)));
    if (!held.empty() && !held.front().IsNull(0)) {
      next = std::min(next, sql::TimeOf(held.front().Int(0)));
    }
    return next;
  };
  return sql::ReadFor<absl::Time>(database_, find);
}

absl::Status SqlStore::ExtendLease(const Lease& lease, absl::Time now, absl::Duration by) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t extended,
        connection.Execute(
            "UPDATE orders SET lease_end = $1 WHERE id = $2 AND lease_token = $3 "
            "AND lease_end > $4",
            {sql::TimeColumn(now + by), lease.order_id, lease.token, sql::TimeColumn(now)}));
    return extended == 1 ? absl::OkStatus() : LeaseLost(lease.order_id);
  });
}

absl::Status SqlStore::ConfirmLease(const Lease& lease) {
  return database_.Read([&](sql::Connection& connection) { return CheckLease(connection, lease); });
}

absl::Status SqlStore::AuditSave(sql::Connection& connection, const flow::Order& order) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT state, record FROM orders WHERE id = $1", {order.id}));
  if (rows.empty()) return LeaseLost(order.id);
  const bool same_state = rows.front().Int(0) == StateColumn(order.state);
  const std::string problems = ProblemsOf(order);
  // Most saves: nothing to tell, and the record need not be read.
  if (same_state && problems.empty()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const flow::Order before, ParseOrder(rows.front().Bytes(1)));
  const bool elsewhere = order.ca != before.ca && !order.failed_cas.empty();
  if (same_state && !elsewhere && ProblemsOf(before) == problems) return absl::OkStatus();
  AuditEntry entry = elsewhere    ? AuditOfFailOver(order)
                     : same_state ? AuditOfProblem(order)
                                  : AuditOfState(order, before.state);
  entry.principal = chain_.writer();
  return Append(connection, entry, order.update_time);
}

absl::Status SqlStore::SaveOrder(const flow::Order& order, const Lease& lease, bool give_back) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    if (order.id != lease.order_id) return LeaseLost(order.id);
    NORROY_RETURN_IF_ERROR(AuditSave(connection, order));
    NORROY_ASSIGN_OR_RETURN(
        const int64_t saved,
        connection.Execute("UPDATE orders SET state = $1, due_time = $2, record = $3 "
                           "WHERE id = $4 AND lease_token = $5 AND lease_end <> $6",
                           {StateColumn(order.state), DueColumn(order),
                            sql::Blob{OrderBytes(order)}, order.id, lease.token, kNotLeased}));
    if (saved != 1) return LeaseLost(order.id);
    if (order.state == flow::State::kOrdering && !order.ca_order_url.empty()) {
      NORROY_RETURN_IF_ERROR(store::NoteCaOrder(connection, order, order.update_time));
    }
    NORROY_RETURN_IF_ERROR(NoteUnderWay(connection, order));
    NORROY_RETURN_IF_ERROR(NoteValid(connection, order));
    if (flow::IsFinal(order.state)) {
      NORROY_RETURN_IF_ERROR(NoteRenewalFailed(connection, order));
      NORROY_RETURN_IF_ERROR(DropFlights(connection, order.id));
    }
    if (!give_back) return absl::OkStatus();
    return connection
        .Execute("UPDATE orders SET lease_owner = '', lease_end = $2 WHERE id = $1",
                 {order.id, kNotLeased})
        .status();
  });
}

}  // namespace norroy::store
