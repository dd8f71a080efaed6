#include "issuer/store/renewals.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"
#include "issuer/store/renewal_record.h"
#include "issuer/store/rows.h"

namespace norroy::store {
namespace {

using Found = std::vector<Renewal>;

constexpr char kReadBy[] =
    "r.certificate_id IN (SELECT certificate_id FROM certificate_readers WHERE principal = ";

absl::Status NoSuchRenewal(absl::string_view certificate_id) {
  const std::string printable = Printable(certificate_id, 64);
  return MakeError(absl::StatusCode::kNotFound, "CERTIFICATE_NOT_FOUND",
                   absl::StrCat("there is no certificate ", printable, " to be renewed"),
                   {{"certificate_id", printable}});
}

absl::StatusOr<Found> ReadAll(sql::Connection& connection, const std::string& sql,
                              const std::vector<sql::Value>& parameters) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows, connection.Query(sql, parameters));
  Found found;
  found.reserve(rows.size());
  for (const sql::Row& row : rows) {
    NORROY_ASSIGN_OR_RETURN(Renewal renewal, ReadRenewal(row));
    found.push_back(std::move(renewal));
  }
  return found;
}

absl::StatusOr<int64_t> CountDue(sql::Database& database, absl::string_view condition,
                                 const std::vector<sql::Value>& parameters) {
  return sql::ReadFor<int64_t>(
      database, [&](sql::Connection& connection) -> absl::StatusOr<int64_t> {
        NORROY_ASSIGN_OR_RETURN(
            const std::vector<sql::Row> rows,
            connection.Query(absl::StrCat("SELECT COUNT(*) FROM renewals WHERE ", condition),
                             parameters));
        return rows.front().Int(0);
      });
}

// Until when somebody has taken it (TakeActs); InfinitePast: nobody has.
absl::StatusOr<absl::Time> TakenUntil(sql::Connection& connection, const Renewal& renewal) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT act_time FROM renewals WHERE certificate_id = $1",
                       {renewal.certificate_id}));
  const absl::Time column = rows.empty() ? absl::InfinitePast() : sql::TimeOf(rows.front().Int(0));
  return column > renewal.act_time() ? column : absl::InfinitePast();
}

}  // namespace

absl::StatusOr<bool> Renewals::Adopt(int limit) {
  return sql::WriteFor<bool>(database_, [&](sql::Connection& connection) -> absl::StatusOr<bool> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT c.record FROM certificates c LEFT JOIN renewals r "
                         "ON r.certificate_id = c.id WHERE r.certificate_id IS NULL "
                         "ORDER BY c.create_time, c.id LIMIT $1",
                         {int64_t{limit}}));
    for (const sql::Row& row : rows) {
      NORROY_ASSIGN_OR_RETURN(const flow::StoredCertificate certificate,
                              ParseCertificate(row.Bytes(0)));
      // The oldest first: each ends those before it.
      NORROY_RETURN_IF_ERROR(BeginRenewal(connection, flow::Order(), certificate));
      if (certificate.revoke_time == absl::InfiniteFuture()) continue;
      NORROY_RETURN_IF_ERROR(EndRenewal(connection, certificate.id, certificate.revoke_time));
    }
    return static_cast<int>(rows.size()) == limit;
  });
}

absl::StatusOr<Renewal> Renewals::Get(absl::string_view certificate_id) {
  return sql::ReadFor<Renewal>(database_,
                               [&](sql::Connection& connection) -> absl::StatusOr<Renewal> {
                                 NORROY_ASSIGN_OR_RETURN(std::optional<Renewal> renewal,
                                                         FindRenewal(connection, certificate_id));
                                 if (!renewal.has_value()) return NoSuchRenewal(certificate_id);
                                 return *std::move(renewal);
                               });
}

absl::StatusOr<std::vector<Renewal>> Renewals::List(const RenewalFilter& filter,
                                                    const RenewalKey& after, int limit) {
  return sql::ReadFor<Found>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    std::vector<sql::Value> parameters = {sql::TimeColumn(after.renewal_time), after.certificate_id,
                                          sql::TimeColumn(filter.due_by),
                                          int64_t{std::clamp(limit, 0, kMaxPage)}};
    std::string sql = absl::StrCat("SELECT ", kRenewalColumns,
                                   " FROM renewals r WHERE (r.renewal_time, r.certificate_id) > "
                                   "($1, $2) AND r.renewal_time <= $3");
    if (!filter.with_over) absl::StrAppend(&sql, " AND r.ended = 0");
    if (filter.reader.has_value()) {
      parameters.push_back(*filter.reader);
      absl::StrAppend(&sql, " AND ", kReadBy, "$5)");
    }
    absl::StrAppend(&sql, " ORDER BY r.renewal_time, r.certificate_id LIMIT $4");
    return ReadAll(connection, sql, parameters);
  });
}

absl::StatusOr<std::vector<Renewal>> Renewals::Ended(const std::optional<std::string>& reader,
                                                     absl::Time since, int limit) {
  return sql::ReadFor<Found>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    std::vector<sql::Value> parameters = {sql::TimeColumn(since), int64_t{limit}};
    std::string sql = absl::StrCat("SELECT ", kRenewalColumns,
                                   " FROM renewals r WHERE r.change_time >= $1 AND r.ended = 1");
    if (reader.has_value()) {
      parameters.push_back(*reader);
      absl::StrAppend(&sql, " AND ", kReadBy, "$3)");
    }
    absl::StrAppend(&sql, " ORDER BY r.change_time, r.certificate_id LIMIT $2");
    return ReadAll(connection, sql, parameters);
  });
}

absl::StatusOr<std::vector<Renewal>> Renewals::Take(absl::string_view column, absl::string_view ca,
                                                    absl::Time now, absl::Time until, int limit) {
  return sql::WriteFor<Found>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    NORROY_ASSIGN_OR_RETURN(
        Found found,
        ReadAll(connection,
                absl::StrCat("SELECT ", kRenewalColumns, " FROM renewals r WHERE r.", column,
                             " <= $1 AND r.ended = 0 AND (r.ca = $2 OR $2 = '') "
                             "ORDER BY r.not_after, r.certificate_id LIMIT $3"),
                {sql::TimeColumn(now), std::string(ca), int64_t{limit}}));
    for (const Renewal& renewal : found) {
      NORROY_RETURN_IF_ERROR(connection
                                 .Execute(absl::StrCat("UPDATE renewals SET ", column,
                                                       " = $2 WHERE certificate_id = $1"),
                                          {renewal.certificate_id, sql::TimeColumn(until)})
                                 .status());
    }
    return found;
  });
}

absl::StatusOr<std::vector<Renewal>> Renewals::TakePolls(absl::string_view ca, absl::Time now,
                                                         absl::Time until, int limit) {
  return Take("poll_time", ca, now, until, limit);
}

absl::StatusOr<std::vector<Renewal>> Renewals::TakeActs(absl::Time now, absl::Time until,
                                                        int limit) {
  return Take("act_time", "", now, until, limit);
}

absl::StatusOr<int64_t> Renewals::CountPolls(absl::string_view ca, absl::Time now) {
  return CountDue(database_, "poll_time <= $1 AND ended = 0 AND ca = $2",
                  {sql::TimeColumn(now), std::string(ca)});
}

absl::StatusOr<int64_t> Renewals::CountActs(absl::Time now) {
  return CountDue(database_, "act_time <= $1 AND ended = 0", {sql::TimeColumn(now)});
}

absl::StatusOr<absl::Time> Renewals::NextDue() {
  return sql::ReadFor<absl::Time>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<absl::Time> {
        NORROY_ASSIGN_OR_RETURN(
            const std::vector<sql::Row> rows,
            connection.Query("SELECT MIN(poll_time), MIN(act_time) FROM renewals WHERE ended = 0",
                             {}));
        absl::Time next = absl::InfiniteFuture();
        for (const int column : {0, 1}) {
          if (rows.front().IsNull(column)) continue;
          next = std::min(next, sql::TimeOf(rows.front().Int(column)));
        }
        return next;
      });
}

absl::StatusOr<Renewal> Renewals::Update(absl::string_view certificate_id, const Change& change,
                                         const std::optional<audit::Entry>& audit, absl::Time now) {
  const auto update = [&](sql::Connection& connection) -> absl::StatusOr<Renewal> {
    NORROY_ASSIGN_OR_RETURN(std::optional<Renewal> renewal,
                            FindRenewal(connection, certificate_id));
    if (!renewal.has_value()) return NoSuchRenewal(certificate_id);
    NORROY_ASSIGN_OR_RETURN(const absl::Time taken_until, TakenUntil(connection, *renewal));
    const absl::Time attempt_time = renewal->attempt_time;
    NORROY_RETURN_IF_ERROR(change(*renewal));
    NORROY_RETURN_IF_ERROR(WriteRenewal(connection, *renewal));
    // Who has taken it to order anew keeps it, until he notes what came of it.
    if (renewal->attempt_time == attempt_time && renewal->act_time() < taken_until) {
      NORROY_RETURN_IF_ERROR(
          connection
              .Execute("UPDATE renewals SET act_time = $2 WHERE certificate_id = $1",
                       {renewal->certificate_id, sql::TimeColumn(taken_until)})
              .status());
    }
    if (audit.has_value()) NORROY_RETURN_IF_ERROR(chain_.Append(connection, *audit, now));
    return *std::move(renewal);
  };
  return sql::WriteFor<Renewal>(database_, update);
}

}  // namespace norroy::store
