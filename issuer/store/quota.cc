#include "issuer/store/quota.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/status_macros.h"

namespace norroy::store {
namespace {

// The place of one count: everything of a principal, or what is for one domain.
struct Count {
  std::string domain;  // empty: everything
  int limit = 0;
  absl::Time free_at;
};

absl::Status Insert(sql::Connection& connection, const std::string& principal,
                    const std::string& domain, const std::string& id, absl::Time now) {
  return connection
      .Execute(
          "INSERT INTO order_domains (principal, domain, order_id, time) VALUES ($1, $2, $3, $4) "
          "ON CONFLICT (principal, domain, order_id) DO UPDATE SET time = excluded.time",
          {principal, domain, id, sql::TimeColumn(now)})
      .status();
}

// When fewer than `limit` of the rows are younger than the window; `now` or earlier: they are.
absl::StatusOr<absl::Time> FreeAt(sql::Connection& connection, const std::string& principal,
                                  const Count& count, absl::Time now) {
  if (count.limit <= 0) return absl::InfiniteFuture();
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT time FROM order_domains WHERE principal = $1 AND domain = $2 "
                       "AND order_id <> '' AND time > $3 AND time <= $4 "
                       "ORDER BY time DESC LIMIT 1 OFFSET $5",
                       {principal, count.domain, sql::TimeColumn(now - kQuotaWindow),
                        sql::TimeColumn(now + kQuotaWindow), int64_t{count.limit - 1}}));
  return rows.empty() ? now : sql::TimeOf(rows.front().Int(0)) + kQuotaWindow;
}

absl::Status Exceeded(const std::string& principal, const Count& count) {
  // Whole seconds, not before it is free.
  const absl::Time retry = count.free_at + absl::Seconds(1) - absl::Nanoseconds(1);
  const std::string at = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", retry, absl::UTCTimeZone());
  ErrorMetadata metadata = {
      {"principal", principal},
      {"limit", absl::StrCat(count.limit)},
      {"quota", count.domain.empty() ? "orders_per_day" : "orders_per_domain_per_day"},
      {"retry_at", at}};
  if (!count.domain.empty()) metadata["domain"] = count.domain;
  return MakeError(absl::StatusCode::kResourceExhausted, "QUOTA_EXCEEDED",
                   absl::StrCat(principal, " has had ", count.limit, " orders in 24 h",
                                count.domain.empty() ? "" : absl::StrCat(" for ", count.domain),
                                ", which is its quota; the next is free at ", at,
                                ", or when a grant of it has a higher ", metadata["quota"]),
                   metadata);
}

}  // namespace

absl::Status CountSpending(sql::Connection& connection, absl::string_view principal,
                           absl::string_view id, const Spending& spending, absl::Time now) {
  const std::string who(principal);
  // Whoever comes second waits here, and then sees what the first counted.
  NORROY_RETURN_IF_ERROR(Insert(connection, who, "", "", now));
  NORROY_RETURN_IF_ERROR(connection
                             .Execute("DELETE FROM order_domains WHERE time <= $1",
                                      {sql::TimeColumn(now - kQuotaWindow)})
                             .status());
  std::vector<Count> counts = {{.domain = "", .limit = spending.orders_per_day}};
  for (const std::string& domain : spending.domains) {
    counts.push_back({.domain = domain, .limit = spending.orders_per_domain_per_day});
  }
  Count last{.free_at = now};
  for (Count& count : counts) {
    NORROY_ASSIGN_OR_RETURN(count.free_at, FreeAt(connection, who, count, now));
    if (count.free_at > last.free_at) last = count;
  }
  if (last.free_at > now) return Exceeded(who, last);
  for (const Count& count : counts) {
    NORROY_RETURN_IF_ERROR(Insert(connection, who, count.domain, std::string(id), now));
  }
  return absl::OkStatus();
}

absl::Status Quotas::Spend(absl::string_view principal, absl::string_view id,
                           const Spending& spending, absl::Time now) {
  return database_.Write([&](sql::Connection& connection) {
    return CountSpending(connection, principal, id, spending, now);
  });
}

}  // namespace norroy::store
