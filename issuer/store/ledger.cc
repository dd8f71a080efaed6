#include "issuer/store/ledger.h"

#include <algorithm>
#include <limits>
#include <optional>
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

// What was drawn longer ago can be given back no more; an order lives for a week.
constexpr absl::Duration kDrawsKept = absl::Hours(14 * 24);
constexpr int kLookParts = 8;

// A bucket, under lock until the transaction ends.
struct Locked {
  absl::Time full_at;
  int64_t served_turn = 0;
};

// Of a draw in one line.
struct Place {
  int64_t priority = 0;
  int64_t turn = 0;
  int64_t since = 0;
};

// Written first, so that of two draws on one bucket the second sees what the first left; keys come
// sorted.
absl::StatusOr<Locked> LockBucket(Connection& connection, const BucketKey& key) {
  NORROY_RETURN_IF_ERROR(
      connection
          .Execute("INSERT INTO ledger_buckets (scope, kind, subject, full_time, served_turn) "
                   "VALUES ($1, $2, $3, $4, 0) ON CONFLICT (scope, kind, subject) DO UPDATE "
                   "SET full_time = ledger_buckets.full_time",
                   {key.scope, key.limit, key.subject, sql::TimeColumn(absl::InfinitePast())})
          .status());
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT full_time, served_turn FROM ledger_buckets WHERE scope = $1 "
                       "AND kind = $2 AND subject = $3",
                       {key.scope, key.limit, key.subject}));
  return Locked{sql::TimeOf(rows.front().Int(0)), rows.front().Int(1)};
}

absl::Status SetFull(Connection& connection, const BucketKey& key, absl::Time full_at) {
  return connection
      .Execute(
          "UPDATE ledger_buckets SET full_time = $4 WHERE scope = $1 AND kind = $2 "
          "AND subject = $3",
          {key.scope, key.limit, key.subject, sql::TimeColumn(full_at)})
      .status();
}

absl::StatusOr<Locked> LockBelievable(Connection& connection, const BucketKey& key,
                                      const limits::BucketRule& rule, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(Locked bucket, LockBucket(connection, key));
  const absl::Time believed = limits::Believable(rule, bucket.full_at, now);
  if (believed == bucket.full_at) return bucket;
  // Written down, so that it fills.
  NORROY_RETURN_IF_ERROR(SetFull(connection, key, believed));
  bucket.full_at = believed;
  return bucket;
}

// What the present beginning of the order has not drawn yet.
absl::StatusOr<Buckets> NotDrawn(Connection& connection, const Draw& draw) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                          connection.Query("SELECT scope, kind, subject FROM ledger_draws "
                                           "WHERE order_id = $1 AND beginning = $2",
                                           {draw.order_id, int64_t{draw.beginning}}));
  Buckets missing = draw.buckets;
  for (const sql::Row& row : rows) missing.erase({row.Text(0), row.Text(1), row.Text(2)});
  return missing;
}

absl::Status LeaveLines(Connection& connection, absl::string_view order_id) {
  return connection.Execute("DELETE FROM ledger_waits WHERE order_id = $1", {std::string(order_id)})
      .status();
}

// The turn that it has in this line, unless it has lost it.
absl::StatusOr<std::optional<int64_t>> TurnOf(Connection& connection, const BucketKey& key,
                                              const Draw& draw, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT turn FROM ledger_waits WHERE order_id = $1 AND scope = $2 "
                       "AND kind = $3 AND subject = $4 AND valid_time > $5",
                       {draw.order_id, key.scope, key.limit, key.subject, sql::TimeColumn(now)}));
  if (rows.empty()) return std::optional<int64_t>();
  return std::optional<int64_t>(rows.front().Int(0));
}

// A newcomer's: the one after the last that was served, or after the last of its principal's own.
absl::StatusOr<int64_t> NextTurn(Connection& connection, const BucketKey& key, const Locked& bucket,
                                 const Draw& draw, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT MAX(turn) FROM ledger_waits WHERE scope = $1 AND kind = $2 "
                       "AND subject = $3 AND principal = $4 AND priority = $5 AND valid_time > $6",
                       {key.scope, key.limit, key.subject, draw.principal, int64_t{draw.priority},
                        sql::TimeColumn(now)}));
  const bool has_own = !rows.empty() && !rows.front().IsNull(0);
  return std::max(bucket.served_turn, has_own ? rows.front().Int(0) : 0) + 1;
}

absl::StatusOr<int> Before(Connection& connection, const BucketKey& key, const Draw& draw,
                           const Place& place, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT COUNT(*) FROM ledger_waits WHERE scope = $1 AND kind = $2 "
                       "AND subject = $3 AND (priority, turn, since, order_id) < ($4, $5, $6, $7) "
                       "AND valid_time > $8 AND order_id <> $7",
                       {key.scope, key.limit, key.subject, place.priority, place.turn, place.since,
                        draw.order_id, sql::TimeColumn(now)}));
  return static_cast<int>(rows.front().Int(0));
}

absl::Status JoinLine(Connection& connection, const BucketKey& key, const Draw& draw,
                      const Place& place, absl::Time valid_until) {
  return connection
      .Execute(
          "INSERT INTO ledger_waits (order_id, scope, kind, subject, principal, priority, turn, "
          "since, valid_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
          {draw.order_id, key.scope, key.limit, key.subject, draw.principal, place.priority,
           place.turn, place.since, sql::TimeColumn(valid_until)})
      .status();
}

absl::Status NoteDrawn(Connection& connection, const Draw& draw, const BucketKey& key,
                       const limits::BucketRule& rule, absl::Time now) {
  return connection
      .Execute(
          "INSERT INTO ledger_draws (order_id, beginning, scope, kind, subject, interval_us, time) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7)",
          {draw.order_id, int64_t{draw.beginning}, key.scope, key.limit, key.subject,
           absl::ToInt64Microseconds(rule.interval), sql::TimeColumn(now)})
      .status();
}

// What only certificates cost, of beginnings before this one, which have brought none.
absl::Status GiveBackCertificates(Connection& connection, const std::string& order_id,
                                  int before_beginning) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT scope, kind, subject, interval_us, COUNT(*) FROM ledger_draws "
                       "WHERE order_id = $1 AND kind = $2 AND beginning < $3 "
                       "GROUP BY scope, kind, subject, interval_us ORDER BY scope, kind, subject",
                       {order_id, kCertificatesPerDomain, int64_t{before_beginning}}));
  for (const sql::Row& row : rows) {
    const BucketKey key = {row.Text(0), row.Text(1), row.Text(2)};
    NORROY_ASSIGN_OR_RETURN(const Locked bucket, LockBucket(connection, key));
    absl::Time full_at = bucket.full_at;
    limits::BucketRule rule;
    rule.interval = absl::Microseconds(row.Int(3));
    for (int64_t i = 0; i < row.Int(4); ++i) full_at = limits::AfterGivingBack(rule, full_at);
    NORROY_RETURN_IF_ERROR(SetFull(connection, key, full_at));
  }
  return connection
      .Execute("DELETE FROM ledger_draws WHERE order_id = $1 AND kind = $2 AND beginning < $3",
               {order_id, kCertificatesPerDomain, int64_t{before_beginning}})
      .status();
}

// One draw, within its transaction.
class Taking {
 public:
  Taking(Connection& connection, const Draw& draw, absl::Time now)
      : connection_(connection), draw_(draw), now_(now) {}

  absl::StatusOr<Drawn> Run() {
    NORROY_ASSIGN_OR_RETURN(buckets_, NotDrawn(connection_, draw_));
    if (buckets_.empty()) return Drawn{now_, now_};
    NORROY_RETURN_IF_ERROR(GiveBackCertificates(connection_, draw_.order_id, draw_.beginning));
    absl::Time turn = now_;
    for (const auto& [key, rule] : buckets_) {
      NORROY_ASSIGN_OR_RETURN(const absl::Time there, Look(key, rule));
      turn = std::max(turn, there);
    }
    NORROY_RETURN_IF_ERROR(LeaveLines(connection_, draw_.order_id));
    if (turn <= now_) {
      NORROY_RETURN_IF_ERROR(TakeAll());
      return Drawn{now_, now_};
    }
    const absl::Time look_again =
        std::min(turn, now_ + std::max(Ledger::kLookAgain, (turn - now_) / kLookParts));
    for (const auto& [key, place] : lacking_) {
      NORROY_RETURN_IF_ERROR(
          JoinLine(connection_, key, draw_, place, look_again + Ledger::kPlaceKept));
    }
    return Drawn{turn, look_again};
  }

 private:
  // When it could have one of these.
  absl::StatusOr<absl::Time> Look(const BucketKey& key, const limits::BucketRule& rule) {
    NORROY_ASSIGN_OR_RETURN(const Locked bucket, LockBelievable(connection_, key, rule, now_));
    locked_[key] = bucket;
    NORROY_ASSIGN_OR_RETURN(std::optional<int64_t> turn, TurnOf(connection_, key, draw_, now_));
    if (!turn.has_value()) {
      NORROY_ASSIGN_OR_RETURN(turn, NextTurn(connection_, key, bucket, draw_, now_));
    }
    const Place place = {draw_.priority, *turn, sql::TimeColumn(draw_.since)};
    places_[key] = place;
    // Whoever stands before it does not want it.
    if (bucket.full_at <= now_) return now_;
    NORROY_ASSIGN_OR_RETURN(const int before, Before(connection_, key, draw_, place, now_));
    const absl::Time there = limits::WhenLeft(rule, bucket.full_at, before + 1, now_);
    if (there > now_) lacking_[key] = place;
    return there;
  }

  absl::Status TakeAll() {
    for (const auto& [key, rule] : buckets_) {
      const Locked& bucket = locked_.at(key);
      NORROY_RETURN_IF_ERROR(
          connection_
              .Execute(
                  "UPDATE ledger_buckets SET full_time = $4, served_turn = $5 WHERE scope = $1 "
                  "AND kind = $2 AND subject = $3",
                  {key.scope, key.limit, key.subject,
                   sql::TimeColumn(limits::AfterTaking(rule, bucket.full_at, now_)),
                   std::max(bucket.served_turn, places_.at(key).turn)})
              .status());
      NORROY_RETURN_IF_ERROR(NoteDrawn(connection_, draw_, key, rule, now_));
    }
    NORROY_RETURN_IF_ERROR(
        connection_
            .Execute("DELETE FROM ledger_waits WHERE valid_time <= $1", {sql::TimeColumn(now_)})
            .status());
    return connection_
        .Execute("DELETE FROM ledger_draws WHERE time <= $1", {sql::TimeColumn(now_ - kDrawsKept)})
        .status();
  }

  Connection& connection_;
  const Draw& draw_;
  const absl::Time now_;
  Buckets buckets_;
  std::map<BucketKey, Locked> locked_;
  std::map<BucketKey, Place> places_;
  std::map<BucketKey, Place> lacking_;
};

constexpr char kState[] =
    "SELECT scope, kind, subject, full_time, (SELECT COUNT(*) FROM ledger_waits w "
    "WHERE w.scope = b.scope AND w.kind = b.kind AND w.subject = b.subject AND w.valid_time > $1) "
    "FROM ledger_buckets b WHERE scope = $2 AND kind = $3 ";

BucketState StateOf(const sql::Row& row) {
  return {{row.Text(0), row.Text(1), row.Text(2)}, sql::TimeOf(row.Int(3)), row.Int(4)};
}

using States = std::vector<BucketState>;

}  // namespace

absl::StatusOr<Drawn> Ledger::Take(const Draw& draw, const Lease& lease, absl::Time now) {
  if (draw.buckets.empty()) return Drawn{now, now};
  return sql::WriteFor<Drawn>(database_, [&](Connection& connection) -> absl::StatusOr<Drawn> {
    NORROY_RETURN_IF_ERROR(CheckLease(connection, lease));
    return Taking(connection, draw, now).Run();
  });
}

absl::Status Ledger::GiveBack(absl::string_view order_id) {
  return database_.Write([&](Connection& connection) -> absl::Status {
    NORROY_RETURN_IF_ERROR(LeaveLines(connection, order_id));
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

absl::StatusOr<std::vector<BucketState>> Ledger::Get(const std::vector<BucketKey>& keys,
                                                     absl::Time now) {
  return sql::ReadFor<States>(database_, [&](Connection& connection) -> absl::StatusOr<States> {
    States states;
    for (const BucketKey& key : keys) {
      NORROY_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          connection.Query(absl::StrCat(kState, "AND subject = $4"),
                           {sql::TimeColumn(now), key.scope, key.limit, key.subject}));
      states.push_back(rows.empty() ? BucketState{key, absl::InfinitePast(), 0}
                                    : StateOf(rows.front()));
    }
    return states;
  });
}

absl::StatusOr<std::vector<BucketState>> Ledger::Scarcest(absl::string_view scope,
                                                          absl::string_view limit, absl::Time now,
                                                          int most) {
  return sql::ReadFor<States>(database_, [&](Connection& connection) -> absl::StatusOr<States> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query(
            absl::StrCat(kState, "AND full_time > $1 ORDER BY full_time DESC, subject LIMIT $4"),
            {sql::TimeColumn(now), std::string(scope), std::string(limit), int64_t{most}}));
    States states;
    for (const sql::Row& row : rows) states.push_back(StateOf(row));
    return states;
  });
}

}  // namespace norroy::store
