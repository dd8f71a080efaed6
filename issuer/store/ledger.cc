#include "issuer/store/ledger.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"
#include "issuer/store/rows.h"

namespace norroy::store {
namespace {

using sql::Connection;
using Buckets = std::map<BucketKey, limits::BucketRule>;

// Longer than any limit looks back.
constexpr absl::Duration kDrawsKept = absl::Hours(14 * 24);

// Of a draw in one line.
struct Place {
  int64_t priority = 0;
  int64_t turn = 0;  // older orders of the same principal
  int64_t since = 0;
};

// Written first, so that draws on one bucket wait for each other; keys come sorted.
absl::StatusOr<absl::Time> LockBucket(Connection& connection, const BucketKey& key) {
  NORROY_RETURN_IF_ERROR(
      connection
          .Execute("INSERT INTO ledger_buckets (scope, kind, subject, full_time) "
                   "VALUES ($1, $2, $3, $4) ON CONFLICT (scope, kind, subject) DO UPDATE "
                   "SET full_time = ledger_buckets.full_time",
                   {key.scope, key.limit, key.subject, sql::TimeColumn(absl::InfinitePast())})
          .status());
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT full_time FROM ledger_buckets WHERE scope = $1 AND kind = $2 "
                       "AND subject = $3",
                       {key.scope, key.limit, key.subject}));
  return sql::TimeOf(rows.front().Int(0));
}

absl::Status SetFull(Connection& connection, const BucketKey& key, absl::Time full_at) {
  return connection
      .Execute(
          "UPDATE ledger_buckets SET full_time = $4 WHERE scope = $1 AND kind = $2 "
          "AND subject = $3",
          {key.scope, key.limit, key.subject, sql::TimeColumn(full_at)})
      .status();
}

// What the present CA order of the order has not drawn yet.
absl::StatusOr<Buckets> NotDrawn(Connection& connection, const Draw& draw) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                          connection.Query("SELECT scope, kind, subject FROM ledger_draws "
                                           "WHERE order_id = $1 AND turn = $2",
                                           {draw.order_id, int64_t{draw.turn}}));
  Buckets missing = draw.buckets;
  for (const sql::Row& row : rows) missing.erase({row.Text(0), row.Text(1), row.Text(2)});
  return missing;
}

absl::Status LeaveLine(Connection& connection, absl::string_view order_id) {
  return connection.Execute("DELETE FROM ledger_waits WHERE order_id = $1", {std::string(order_id)})
      .status();
}

// Those whose order went on, ended or is gone.
absl::Status ForgetGone(Connection& connection, const Buckets& buckets) {
  std::set<std::string> scopes;
  for (const auto& [key, rule] : buckets) scopes.insert(key.scope);
  for (const std::string& scope : scopes) {
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute(
                "DELETE FROM ledger_waits WHERE scope = $1 AND NOT EXISTS (SELECT 1 FROM orders "
                "WHERE orders.id = ledger_waits.order_id AND orders.state = $2)",
                {scope, StateColumn(flow::State::kQueued)})
            .status());
  }
  return absl::OkStatus();
}

// The place that it has, or the one at the end.
absl::StatusOr<Place> PlaceOf(Connection& connection, const Draw& draw) {
  const int64_t since = sql::TimeColumn(draw.since);
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> own,
      connection.Query("SELECT turn FROM ledger_waits WHERE order_id = $1 LIMIT 1",
                       {draw.order_id}));
  if (!own.empty()) return Place{draw.priority, own.front().Int(0), since};
  const std::string& scope = draw.buckets.begin()->first.scope;
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> others,
      connection.Query("SELECT COUNT(DISTINCT order_id) FROM ledger_waits WHERE principal = $1 "
                       "AND scope = $2 AND priority = $3 AND since < $4",
                       {draw.principal, scope, int64_t{draw.priority}, since}));
  return Place{draw.priority, others.front().Int(0), since};
}

absl::StatusOr<int> Before(Connection& connection, const BucketKey& key, const Draw& draw,
                           const Place& place) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT COUNT(*) FROM ledger_waits WHERE scope = $1 AND kind = $2 "
                       "AND subject = $3 AND (priority, turn, since, order_id) < ($4, $5, $6, $7)",
                       {key.scope, key.limit, key.subject, place.priority, place.turn, place.since,
                        draw.order_id}));
  return static_cast<int>(rows.front().Int(0));
}

absl::Status JoinLine(Connection& connection, const Draw& draw, const Buckets& buckets,
                      const Place& place) {
  for (const auto& [key, rule] : buckets) {
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("INSERT INTO ledger_waits (order_id, scope, kind, subject, principal, "
                     "priority, turn, since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                     "ON CONFLICT (order_id, scope, kind, subject) DO UPDATE "
                     "SET priority = excluded.priority",
                     {draw.order_id, key.scope, key.limit, key.subject, draw.principal,
                      place.priority, place.turn, place.since})
            .status());
  }
  return absl::OkStatus();
}

absl::Status NoteDrawn(Connection& connection, const Draw& draw, const BucketKey& key,
                       const limits::BucketRule& rule, absl::Time now) {
  return connection
      .Execute(
          "INSERT INTO ledger_draws (order_id, turn, scope, kind, subject, interval_us, time) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7)",
          {draw.order_id, int64_t{draw.turn}, key.scope, key.limit, key.subject,
           absl::ToInt64Microseconds(rule.interval), sql::TimeColumn(now)})
      .status();
}

// What only certificates cost: of CA orders before this one, which have brought none.
absl::Status GiveBackCertificates(Connection& connection, const std::string& order_id,
                                  int before_turn) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT scope, kind, subject, interval_us, COUNT(*) FROM ledger_draws "
                       "WHERE order_id = $1 AND kind = $2 AND turn < $3 "
                       "GROUP BY scope, kind, subject, interval_us ORDER BY scope, kind, subject",
                       {order_id, kCertificatesPerDomain, int64_t{before_turn}}));
  for (const sql::Row& row : rows) {
    const BucketKey key = {row.Text(0), row.Text(1), row.Text(2)};
    NORROY_ASSIGN_OR_RETURN(absl::Time full_at, LockBucket(connection, key));
    limits::BucketRule rule;
    rule.interval = absl::Microseconds(row.Int(3));
    for (int64_t i = 0; i < row.Int(4); ++i) full_at = limits::AfterGivingBack(rule, full_at);
    NORROY_RETURN_IF_ERROR(SetFull(connection, key, full_at));
  }
  return connection
      .Execute("DELETE FROM ledger_draws WHERE order_id = $1 AND kind = $2 AND turn < $3",
               {order_id, kCertificatesPerDomain, int64_t{before_turn}})
      .status();
}

absl::Status TakeAll(Connection& connection, const Draw& draw, const Buckets& buckets,
                     const std::map<BucketKey, absl::Time>& full, absl::Time now) {
  for (const auto& [key, rule] : buckets) {
    NORROY_RETURN_IF_ERROR(SetFull(connection, key, limits::AfterTaking(rule, full.at(key), now)));
    NORROY_RETURN_IF_ERROR(NoteDrawn(connection, draw, key, rule, now));
  }
  NORROY_RETURN_IF_ERROR(LeaveLine(connection, draw.order_id));
  return connection
      .Execute("DELETE FROM ledger_draws WHERE time <= $1", {sql::TimeColumn(now - kDrawsKept)})
      .status();
}

absl::StatusOr<absl::Time> TakeNow(Connection& connection, const Draw& draw, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const Buckets buckets, NotDrawn(connection, draw));
  if (buckets.empty()) return now;
  NORROY_RETURN_IF_ERROR(GiveBackCertificates(connection, draw.order_id, draw.turn));
  std::map<BucketKey, absl::Time> full;
  for (const auto& [key, rule] : buckets) {
    NORROY_ASSIGN_OR_RETURN(full[key], LockBucket(connection, key));
  }
  NORROY_RETURN_IF_ERROR(ForgetGone(connection, buckets));
  NORROY_ASSIGN_OR_RETURN(const Place place, PlaceOf(connection, draw));
  absl::Time when = now;
  for (const auto& [key, rule] : buckets) {
    NORROY_ASSIGN_OR_RETURN(const int before, Before(connection, key, draw, place));
    when = std::max(when, limits::WhenLeft(rule, full.at(key), before + 1, now));
  }
  if (when <= now) {
    NORROY_RETURN_IF_ERROR(TakeAll(connection, draw, buckets, full, now));
    return now;
  }
  NORROY_RETURN_IF_ERROR(JoinLine(connection, draw, buckets, place));
  return when;
}

constexpr char kWaiting[] =
    "(SELECT COUNT(*) FROM ledger_waits w JOIN orders ON orders.id = w.order_id "
    "WHERE w.scope = b.scope AND w.kind = b.kind AND w.subject = b.subject AND orders.state = $1)";

BucketState StateOf(const sql::Row& row) {
  return {{row.Text(0), row.Text(1), row.Text(2)}, sql::TimeOf(row.Int(3)), row.Int(4)};
}

}  // namespace

absl::StatusOr<absl::Time> Ledger::Take(const Draw& draw, const Lease& lease, absl::Time now) {
  if (draw.buckets.empty()) return now;
  return sql::WriteFor<absl::Time>(database_,
                                   [&](Connection& connection) -> absl::StatusOr<absl::Time> {
                                     NORROY_RETURN_IF_ERROR(CheckLease(connection, lease));
                                     return TakeNow(connection, draw, now);
                                   });
}

absl::Status Ledger::GiveBack(absl::string_view order_id) {
  return database_.Write([&](Connection& connection) -> absl::Status {
    NORROY_RETURN_IF_ERROR(LeaveLine(connection, order_id));
    return GiveBackCertificates(connection, std::string(order_id), std::numeric_limits<int>::max());
  });
}

absl::StatusOr<bool> Ledger::HasIssued(const flow::Order& order, absl::Time since) {
  return sql::ReadFor<bool>(database_, [&](Connection& connection) -> absl::StatusOr<bool> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT 1 FROM certificates WHERE ca = $1 AND set_hash = $2 "
                         "AND create_time >= $3 LIMIT 1",
                         {order.ca, SetHash(order), sql::TimeColumn(since)}));
    return !rows.empty();
  });
}

absl::StatusOr<std::vector<BucketState>> Ledger::Get(const std::vector<BucketKey>& keys) {
  using States = std::vector<BucketState>;
  return sql::ReadFor<States>(database_, [&](Connection& connection) -> absl::StatusOr<States> {
    States states;
    for (const BucketKey& key : keys) {
      NORROY_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          connection.Query(absl::StrCat("SELECT scope, kind, subject, full_time, ", kWaiting,
                                        " FROM ledger_buckets b WHERE scope = $2 AND kind = $3 "
                                        "AND subject = $4"),
                           {StateColumn(flow::State::kQueued), key.scope, key.limit, key.subject}));
      states.push_back(rows.empty() ? BucketState{key, absl::InfinitePast(), 0}
                                    : StateOf(rows.front()));
    }
    return states;
  });
}

absl::StatusOr<std::vector<BucketState>> Ledger::Scarcest(absl::string_view scope,
                                                          absl::string_view limit, absl::Time now,
                                                          int most) {
  using States = std::vector<BucketState>;
  return sql::ReadFor<States>(database_, [&](Connection& connection) -> absl::StatusOr<States> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query(absl::StrCat("SELECT scope, kind, subject, full_time, ", kWaiting,
                                      " FROM ledger_buckets b WHERE scope = $2 AND kind = $3 "
                                      "AND full_time > $4 ORDER BY full_time DESC, subject "
                                      "LIMIT $5"),
                         {StateColumn(flow::State::kQueued), std::string(scope), std::string(limit),
                          sql::TimeColumn(now), int64_t{most}}));
    States states;
    for (const sql::Row& row : rows) states.push_back(StateOf(row));
    return states;
  });
}

}  // namespace norroy::store
