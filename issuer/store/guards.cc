#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/rows.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);
constexpr absl::Duration kWeek = absl::Hours(7 * 24);

// The moment from which on fewer than `limit` of the rows are younger than `window`. `sql` selects
// the times between $3 and $4, newest first, skipping $5, of the key $1 and $2.
absl::StatusOr<absl::Time> FreeAt(sql::Connection& connection, absl::string_view sql,
                                  const std::string& ca, const std::string& key, int limit,
                                  absl::Duration window, absl::Time now) {
  if (limit <= 0) return absl::InfiniteFuture();
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(sql, {ca, key, sql::TimeColumn(now - window), sql::TimeColumn(now + window),
                             int64_t{limit - 1}}));
  return rows.empty() ? now : sql::TimeOf(rows.front().Int(0)) + window;
}

}  // namespace

absl::StatusOr<absl::Time> SqlStore::MayOrder(const flow::Order& order, const Limits& limits,
                                              absl::Time now) {
  const auto look = [&](sql::Connection& connection) -> absl::StatusOr<absl::Time> {
    const std::string set = SetHash(order);
    NORROY_ASSIGN_OR_RETURN(
        const absl::Time orders,
        FreeAt(connection,
               "SELECT time FROM ca_orders WHERE ca = $1 AND set_hash = $2 AND time > $3 "
               "AND time <= $4 ORDER BY time DESC LIMIT 1 OFFSET $5",
               order.ca, set, limits.new_orders_per_set_per_hour, kHour, now));
    NORROY_ASSIGN_OR_RETURN(
        const absl::Time certificates,
        FreeAt(connection,
               "SELECT create_time FROM certificates WHERE ca = $1 AND set_hash = $2 "
               "AND create_time > $3 AND create_time <= $4 "
               "ORDER BY create_time DESC LIMIT 1 OFFSET $5",
               order.ca, set, limits.certificates_per_set_per_week, kWeek, now));
    return std::max(orders, certificates);
  };
  return sql::ReadFor<absl::Time>(database_, look);
}

absl::Status NoteCaOrder(sql::Connection& connection, const flow::Order& order, absl::Time now) {
  NORROY_RETURN_IF_ERROR(
      connection.Execute("DELETE FROM ca_orders WHERE time <= $1", {sql::TimeColumn(now - kHour)})
          .status());
  return connection
      .Execute(
          "INSERT INTO ca_orders (ca, set_hash, url, time) VALUES ($1, $2, $3, $4) "
          "ON CONFLICT (ca, set_hash, url) DO NOTHING",
          {order.ca, SetHash(order), order.ca_order_url, sql::TimeColumn(now)})
      .status();
}

absl::Status SqlStore::NoteCaOrder(const flow::Order& order, absl::string_view ca_order_url,
                                   absl::Time now) {
  flow::Order placed = order;
  placed.ca_order_url = std::string(ca_order_url);
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    return store::NoteCaOrder(connection, placed, now);
  });
}

absl::StatusOr<absl::Time> FailuresFreeAt(sql::Connection& connection, const std::string& ca,
                                          const std::string& identifier, int limit,
                                          absl::Time now) {
  return FreeAt(connection,
                "SELECT time FROM failures WHERE ca = $1 AND identifier = $2 AND time > $3 "
                "AND time <= $4 ORDER BY time DESC LIMIT 1 OFFSET $5",
                ca, identifier, limit, kHour, now);
}

absl::StatusOr<absl::Time> SqlStore::MayValidate(const flow::Order& order, const Limits& limits,
                                                 absl::Time now) {
  const auto look = [&](sql::Connection& connection) -> absl::StatusOr<absl::Time> {
    absl::Time latest = now;
    for (const challenge::Name& name : order.names) {
      NORROY_ASSIGN_OR_RETURN(const absl::Time free,
                              FailuresFreeAt(connection, order.ca, name.identifier().value(),
                                             limits.failures_per_name_per_hour, now));
      latest = std::max(latest, free);
    }
    return latest;
  };
  return sql::ReadFor<absl::Time>(database_, look);
}

absl::Status SqlStore::NoteFailure(const flow::Order& order, const challenge::Name& name,
                                   absl::string_view authorization_url, absl::Time now) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_RETURN_IF_ERROR(
        connection.Execute("DELETE FROM failures WHERE time <= $1", {sql::TimeColumn(now - kHour)})
            .status());
    return connection
        .Execute(
            "INSERT INTO failures (ca, identifier, authorization_url, time) "
            "VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (ca, identifier, authorization_url) DO NOTHING",
            {order.ca, name.identifier().value(), std::string(authorization_url),
             sql::TimeColumn(now)})
        .status();
  });
}

std::string CaScope(absl::string_view ca) { return absl::StrCat("ca/", ca); }

std::string UnreachedScope(absl::string_view ca) { return absl::StrCat("unreached/", ca); }

std::string SetScope(const flow::Order& order) {
  return absl::StrCat("set/", order.ca, "/", order.set_key());
}

absl::Status SqlStore::SetHold(absl::string_view scope, absl::Time until, absl::string_view why) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    const std::string key = HashKey(scope);
    if (until == absl::InfinitePast()) {
      return connection.Execute("DELETE FROM holds WHERE scope_hash = $1", {key}).status();
    }
    return connection
        .Execute(
            "INSERT INTO holds (scope_hash, scope, until, why) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (scope_hash) DO UPDATE SET until = excluded.until, why = excluded.why "
            "WHERE excluded.until > holds.until",
            {key, std::string(scope), sql::TimeColumn(until), std::string(why)})
        .status();
  });
}

absl::StatusOr<absl::Time> SqlStore::GetHold(absl::string_view scope) {
  const auto look = [&](sql::Connection& connection) -> absl::StatusOr<absl::Time> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT until FROM holds WHERE scope_hash = $1", {HashKey(scope)}));
    return rows.empty() ? absl::InfinitePast() : sql::TimeOf(rows.front().Int(0));
  };
  return sql::ReadFor<absl::Time>(database_, look);
}

absl::StatusOr<std::string> SqlStore::WhyHeld(absl::string_view scope) {
  const auto look = [&](sql::Connection& connection) -> absl::StatusOr<std::string> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT why FROM holds WHERE scope_hash = $1", {HashKey(scope)}));
    return rows.empty() ? std::string() : rows.front().Text(0);
  };
  return sql::ReadFor<std::string>(database_, look);
}

absl::Status SqlStore::LiftHold(absl::string_view scope) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    return connection
        .Execute("DELETE FROM holds WHERE scope_hash = $1 AND why <> ''", {HashKey(scope)})
        .status();
  });
}

}  // namespace norroy::store
