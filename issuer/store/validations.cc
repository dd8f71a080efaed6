// The guard on failed validations, across orders that share names: what is under way may fail.

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/rows.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {
namespace {

// An order that is told late takes its place anew, and the CA's verdict is waited for for ten
// minutes: what is older than both is stuck or dead.
constexpr absl::Duration kFresh = absl::Minutes(1);
constexpr absl::Duration kUnderWay = absl::Minutes(15);
// When validations of others are worth being asked after again.
constexpr absl::Duration kSoon = absl::Seconds(10);
constexpr absl::Duration kKept = absl::Hours(1);
constexpr int64_t kLast = std::numeric_limits<int64_t>::max();

// A name and its wildcard are two proofs of one identifier, and may fail both.
std::set<std::string> OpenNames(const flow::Order& order) {
  std::set<std::string> names;
  for (const flow::NameProgress& progress : order.progress) {
    if (progress.state != flow::NameState::kValid) names.insert(progress.name.text());
  }
  return names;
}

absl::StatusOr<int> CountOthers(sql::Connection& connection, const flow::Order& order,
                                const std::string& identifier, int64_t before, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT COUNT(*) FROM validations WHERE ca = $1 AND identifier IN ($2, $3) "
                       "AND order_id <> $4 AND seq < $5 AND time > $6 AND time <= $7",
                       {order.ca, identifier, absl::StrCat("*.", identifier), order.id, before,
                        sql::TimeColumn(now - kUnderWay), sql::TimeColumn(now + kUnderWay)}));
  return static_cast<int>(rows.front().Int(0));
}

// When all names have room, if what other orders have under way with a seq below `before` fails.
absl::StatusOr<absl::Time> RoomAt(sql::Connection& connection, const flow::Order& order,
                                  const Limits& limits, int64_t before, absl::Time now) {
  const int limit = limits.failures_per_name_per_hour;
  absl::Time latest = now;
  for (const challenge::Name& name : order.names) {
    const std::string identifier = name.identifier().value();
    NORROY_ASSIGN_OR_RETURN(const absl::Time free,
                            FailuresFreeAt(connection, order.ca, identifier, limit, now));
    latest = std::max(latest, free);
    NORROY_ASSIGN_OR_RETURN(const int others,
                            CountOthers(connection, order, identifier, before, now));
    if (others == 0 || free > now) continue;
    NORROY_ASSIGN_OR_RETURN(const absl::Time room,
                            FailuresFreeAt(connection, order.ca, identifier, limit - others, now));
    latest = std::max(latest, std::min(room, now + kSoon));
  }
  return latest;
}

// The order's place among all that are under way; unset: it has none that counts for long enough.
absl::StatusOr<std::optional<int64_t>> PlaceOf(sql::Connection& connection,
                                               const flow::Order& order, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT COUNT(*), MAX(seq) FROM validations WHERE order_id = $1 AND "
                       "time > $2 AND time <= $3",
                       {order.id, sql::TimeColumn(now - kFresh), sql::TimeColumn(now + kFresh)}));
  if (rows.front().Int(0) < static_cast<int64_t>(OpenNames(order).size()) ||
      rows.front().Int(0) == 0) {
    return std::optional<int64_t>();
  }
  return std::optional<int64_t>(rows.front().Int(1));
}

// Comes last of all. One that has a place keeps it.
absl::Status TakePlace(sql::Connection& connection, const flow::Order& order, absl::Time now) {
  NORROY_RETURN_IF_ERROR(
      connection.Execute("DELETE FROM validations WHERE time <= $1", {sql::TimeColumn(now - kKept)})
          .status());
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> last,
                          connection.Query("SELECT MAX(seq) FROM validations", {}));
  for (const std::string& name : OpenNames(order)) {
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("INSERT INTO validations (ca, identifier, order_id, seq, time) "
                     "VALUES ($1, $2, $3, $4, $5) "
                     "ON CONFLICT (ca, identifier, order_id) DO NOTHING",
                     {order.ca, name, order.id, last.front().Int(0) + 1, sql::TimeColumn(now)})
            .status());
  }
  return absl::OkStatus();
}

absl::Status DropPlace(sql::Connection& connection, const flow::Order& order) {
  return connection.Execute("DELETE FROM validations WHERE order_id = $1", {order.id}).status();
}

}  // namespace

absl::Status NoteUnderWay(sql::Connection& connection, const flow::Order& order) {
  if (order.state == flow::State::kPresenting) {
    return TakePlace(connection, order, order.update_time);
  }
  if (order.state == flow::State::kValidating) return absl::OkStatus();
  return DropPlace(connection, order);
}

absl::StatusOr<absl::Time> SqlStore::MayBeginValidation(const flow::Order& order,
                                                        const Limits& limits, absl::Time now) {
  return sql::ReadFor<absl::Time>(database_, [&](sql::Connection& connection) {
    return RoomAt(connection, order, limits, kLast, now);
  });
}

absl::StatusOr<absl::Time> SqlStore::BeginValidation(const flow::Order& order, const Lease& lease,
                                                     const Limits& limits, absl::Time now) {
  // The way of almost all: the place was taken with the order's last save, and no commit is needed.
  const auto look = [&](sql::Connection& connection) -> absl::StatusOr<std::optional<absl::Time>> {
    NORROY_RETURN_IF_ERROR(CheckLease(connection, lease));
    NORROY_ASSIGN_OR_RETURN(const std::optional<int64_t> place, PlaceOf(connection, order, now));
    if (!place.has_value()) return std::optional<absl::Time>();
    NORROY_ASSIGN_OR_RETURN(const absl::Time room, RoomAt(connection, order, limits, *place, now));
    return std::optional<absl::Time>(room);
  };
  NORROY_ASSIGN_OR_RETURN(const std::optional<absl::Time> known,
                          sql::ReadFor<std::optional<absl::Time>>(database_, look));
  if (known.has_value()) return *known;
  const auto take = [&](sql::Connection& connection) -> absl::StatusOr<absl::Time> {
    NORROY_RETURN_IF_ERROR(CheckLease(connection, lease));
    NORROY_RETURN_IF_ERROR(DropPlace(connection, order));
    NORROY_ASSIGN_OR_RETURN(const absl::Time room, RoomAt(connection, order, limits, kLast, now));
    if (room <= now) NORROY_RETURN_IF_ERROR(TakePlace(connection, order, now));
    return room;
  };
  return sql::WriteFor<absl::Time>(database_, take);
}

}  // namespace norroy::store
