#include "issuer/store/authorizations.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"
#include "issuer/store/rows.h"

namespace norroy::store {
namespace {

constexpr char kReuseNever[] =
    "REUSE_NEVER: its order has ended, and the grant leaves none to other orders";

Authorization ReadRow(const sql::Row& row) {
  return {.url = row.Text(0),
          .ca = row.Text(1),
          .account_url = row.Text(2),
          .name = row.Text(3),
          .expire_time = sql::TimeOf(row.Int(4)),
          .order_id = row.Text(5),
          .reason = row.Text(6)};
}

absl::StatusOr<std::string> AccountUrl(sql::Connection& connection, const std::string& ca) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                          connection.Query("SELECT record FROM accounts WHERE ca = $1", {ca}));
  if (rows.empty()) return std::string();
  NORROY_ASSIGN_OR_RETURN(const AccountRecord account, ParseAccount(rows.front().Bytes(0)));
  return account.url;
}

absl::Status Upsert(sql::Connection& connection, const Authorization& authorization) {
  return connection
      .Execute(
          "INSERT INTO authorizations "
          "(url, ca, account_url, name, expire_time, order_id, reason) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (url) DO UPDATE SET "
          "name = excluded.name, expire_time = excluded.expire_time, "
          "order_id = CASE WHEN excluded.order_id <> '' THEN excluded.order_id "
          "ELSE authorizations.order_id END, "
          "reason = CASE WHEN excluded.reason <> '' THEN excluded.reason "
          "ELSE authorizations.reason END",
          {authorization.url, authorization.ca, authorization.account_url, authorization.name,
           sql::TimeColumn(authorization.expire_time), authorization.order_id,
           authorization.reason})
      .status();
}

}  // namespace

absl::Status NoteValid(sql::Connection& connection, const flow::Order& order) {
  const auto counts = [](const flow::NameProgress& progress) {
    return progress.state == flow::NameState::kValid && !progress.authorization_url.empty();
  };
  if (std::none_of(order.progress.begin(), order.progress.end(), counts)) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const std::string account_url, AccountUrl(connection, order.ca));
  const std::string owner = order.reuse_never ? order.id : "";
  const absl::Time until = order.update_time + kLongestAuthorization;
  for (const flow::NameProgress& progress : order.progress) {
    if (!counts(progress)) continue;
    // What was learnt of it before stays.
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("INSERT INTO authorizations "
                     "(url, ca, account_url, name, expire_time, order_id, reason) "
                     "VALUES ($1, $2, $3, $4, $5, $6, '') ON CONFLICT (url) DO UPDATE SET "
                     "order_id = excluded.order_id "
                     "WHERE excluded.order_id <> '' AND authorizations.order_id = ''",
                     {progress.authorization_url, order.ca, account_url, progress.name.text(),
                      sql::TimeColumn(until), owner})
            .status());
  }
  return absl::OkStatus();
}

absl::Status Authorizations::Note(const std::vector<Authorization>& authorizations) {
  if (authorizations.empty()) return absl::OkStatus();
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    for (const Authorization& authorization : authorizations) {
      NORROY_RETURN_IF_ERROR(Upsert(connection, authorization));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<Authorization>> Authorizations::Find(
    absl::string_view ca, const std::vector<std::string>& urls) {
  using Found = std::vector<Authorization>;
  return sql::ReadFor<Found>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    Found found;
    for (const std::string& url : urls) {
      NORROY_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          connection.Query("SELECT url, ca, account_url, name, expire_time, order_id, reason "
                           "FROM authorizations WHERE url = $1 AND ca = $2",
                           {url, std::string(ca)}));
      if (!rows.empty()) found.push_back(ReadRow(rows.front()));
    }
    return found;
  });
}

absl::StatusOr<std::vector<std::string>> Authorizations::Names(absl::string_view after, int limit,
                                                               absl::Time now) {
  using Found = std::vector<std::string>;
  return sql::ReadFor<Found>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT DISTINCT name FROM authorizations WHERE name > $1 "
                         "AND reason = '' AND expire_time > $2 ORDER BY name LIMIT $3",
                         {std::string(after), sql::TimeColumn(now), int64_t{limit}}));
    Found names;
    for (const sql::Row& row : rows) names.push_back(row.Text(0));
    return names;
  });
}

absl::StatusOr<int64_t> Authorizations::Withdraw(const std::vector<std::string>& names,
                                                 absl::string_view reason, absl::Time now) {
  return sql::WriteFor<int64_t>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<int64_t> {
        int64_t all = 0;
        for (const std::string& name : names) {
          NORROY_ASSIGN_OR_RETURN(
              const int64_t marked,
              connection.Execute("UPDATE authorizations SET reason = $1 "
                                 "WHERE name = $2 AND reason = '' AND expire_time > $3",
                                 {std::string(reason), name, sql::TimeColumn(now)}));
          if (marked == 0) continue;
          all += marked;
          NORROY_RETURN_IF_ERROR(
              chain_.Append(connection,
                            {.principal = chain_.writer(),
                             .action = "authorization.withdraw",
                             .object = absl::StrCat("name/", name),
                             .detail = absl::StrCat("authorizations=", marked, " ", reason)},
                            now));
        }
        return all;
      });
}

absl::StatusOr<std::vector<Authorization>> Authorizations::Withdrawn(absl::string_view ca,
                                                                     absl::string_view account_url,
                                                                     int limit, absl::Time now) {
  using Found = std::vector<Authorization>;
  return sql::ReadFor<Found>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> marked,
        connection.Query(
            "SELECT url, ca, account_url, name, expire_time, order_id, reason "
            "FROM authorizations WHERE reason > '' AND ca = $1 "
            "AND account_url = $2 AND expire_time > $3 ORDER BY url LIMIT $4",
            {std::string(ca), std::string(account_url), sql::TimeColumn(now), int64_t{limit}}));
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> ended,
        connection.Query(
            "SELECT a.url, a.ca, a.account_url, a.name, a.expire_time, a.order_id, a.reason "
            "FROM authorizations a JOIN orders o ON o.id = a.order_id "
            "WHERE a.order_id > '' AND a.reason = '' AND o.state IN ($1, $2, $3) "
            "AND a.ca = $4 AND a.account_url = $5 AND a.expire_time > $6 "
            "ORDER BY a.url LIMIT $7",
            {StateColumn(flow::State::kDone), StateColumn(flow::State::kFailed),
             StateColumn(flow::State::kCancelled), std::string(ca), std::string(account_url),
             sql::TimeColumn(now), int64_t{limit}}));
    Found found;
    for (const sql::Row& row : marked) found.push_back(ReadRow(row));
    for (const sql::Row& row : ended) {
      found.push_back(ReadRow(row));
      found.back().reason = kReuseNever;
    }
    return found;
  });
}

absl::Status Authorizations::Forget(absl::string_view url, const audit::Entry& entry,
                                    absl::Time now) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t forgotten,
        connection.Execute("DELETE FROM authorizations WHERE url = $1", {std::string(url)}));
    // Another issuer was at it, too, and has said so.
    if (forgotten == 0) return absl::OkStatus();
    return chain_.Append(connection, entry, now);
  });
}

absl::StatusOr<int64_t> Authorizations::Prune(absl::Time now) {
  return sql::WriteFor<int64_t>(database_, [&](sql::Connection& connection) {
    return connection.Execute("DELETE FROM authorizations WHERE expire_time <= $1",
                              {sql::TimeColumn(now)});
  });
}

absl::Status Authorizations::DoNotCount(const flow::Order& order) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    return connection
        .Execute("DELETE FROM ca_orders WHERE ca = $1 AND set_hash = $2 AND url = $3",
                 {order.ca, SetHash(order), order.ca_order_url})
        .status();
  });
}

}  // namespace norroy::store
