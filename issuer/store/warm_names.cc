#include "issuer/store/warm_names.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"

namespace norroy::store {
namespace {

using Found = std::vector<WarmName>;

constexpr char kSelect[] =
    "SELECT name, ca, profile, creator, create_time, authorization_url, valid_until, act_time, "
    "order_id, proving, attempts, error_reason, error_message FROM warm_names ";
constexpr char kOfKey[] = "name = $1 AND ca = $2 AND profile = $3";

absl::StatusOr<WarmName> ReadRow(const sql::Row& row) {
  NORROY_ASSIGN_OR_RETURN(const challenge::Name name, challenge::Name::Parse(row.Text(0)));
  return WarmName{.key = {name, row.Text(1), row.Text(2)},
                  .creator = row.Text(3),
                  .create_time = sql::TimeOf(row.Int(4)),
                  .authorization_url = row.Text(5),
                  .valid_until = sql::TimeOf(row.Int(6)),
                  .act_time = sql::TimeOf(row.Int(7)),
                  .order_id = row.Text(8),
                  .proving = row.Int(9) != 0,
                  .attempts = static_cast<int>(row.Int(10)),
                  .error_reason = row.Text(11),
                  .error_message = row.Text(12)};
}

absl::StatusOr<Found> ReadAll(sql::Connection& connection, const std::string& rest,
                              const std::vector<sql::Value>& parameters) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                          connection.Query(absl::StrCat(kSelect, rest), parameters));
  Found found;
  for (const sql::Row& row : rows) {
    NORROY_ASSIGN_OR_RETURN(WarmName name, ReadRow(row));
    found.push_back(std::move(name));
  }
  return found;
}

absl::StatusOr<Found> Find(sql::Connection& connection, const WarmKey& key) {
  return ReadAll(connection, absl::StrCat("WHERE ", kOfKey),
                 {key.name.text(), key.ca, key.profile});
}

absl::Status Insert(sql::Connection& connection, const WarmName& name) {
  return connection
      .Execute(
          "INSERT INTO warm_names (name, ca, profile, creator, create_time, authorization_url, "
          "valid_until, act_time, order_id, proving, attempts, error_reason, error_message) "
          "VALUES ($1, $2, $3, $4, $5, '', $6, $7, '', 0, 0, '', '') "
          "ON CONFLICT (name, ca, profile) DO NOTHING",
          {name.key.name.text(), name.key.ca, name.key.profile, name.creator,
           sql::TimeColumn(name.create_time), sql::TimeColumn(absl::InfinitePast()),
           sql::TimeColumn(name.act_time)})
      .status();
}

absl::Status CheckCount(sql::Connection& connection, const std::string& creator, int64_t most) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT COUNT(*) FROM warm_names WHERE creator = $1", {creator}));
  const int64_t count = rows.front().Int(0);
  if (count <= most) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kResourceExhausted, "TOO_MANY_WARM_NAMES",
      absl::StrCat(creator, " would have ", count, " warm names; at most ", most, " are allowed"));
}

}  // namespace

absl::StatusOr<std::vector<WarmName>> WarmNames::Add(const std::vector<WarmName>& names,
                                                     int64_t most, const audit::Entry& entry,
                                                     absl::Time now) {
  return sql::WriteFor<Found>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    Found added;
    for (const WarmName& name : names) {
      NORROY_RETURN_IF_ERROR(Insert(connection, name));
      NORROY_ASSIGN_OR_RETURN(const Found found, Find(connection, name.key));
      added.insert(added.end(), found.begin(), found.end());
    }
    if (!names.empty()) NORROY_RETURN_IF_ERROR(CheckCount(connection, names[0].creator, most));
    NORROY_RETURN_IF_ERROR(chain_.Append(connection, entry, now));
    return added;
  });
}

absl::StatusOr<int64_t> WarmNames::Remove(const std::vector<WarmKey>& keys,
                                          const std::optional<std::string>& owner,
                                          const audit::Entry& entry, absl::Time now) {
  return sql::WriteFor<int64_t>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<int64_t> {
        int64_t removed = 0;
        for (const WarmKey& key : keys) {
          NORROY_ASSIGN_OR_RETURN(
              const int64_t rows,
              connection.Execute(absl::StrCat("DELETE FROM warm_names WHERE ", kOfKey,
                                              " AND (creator = $4 OR $4 = '')"),
                                 {key.name.text(), key.ca, key.profile, owner.value_or("")}));
          removed += rows;
        }
        if (removed > 0) NORROY_RETURN_IF_ERROR(chain_.Append(connection, entry, now));
        return removed;
      });
}

absl::StatusOr<std::vector<WarmName>> WarmNames::List(const std::optional<std::string>& owner,
                                                      const std::optional<WarmKey>& after,
                                                      int limit) {
  return sql::ReadFor<Found>(database_, [&](sql::Connection& connection) {
    return ReadAll(connection,
                   "WHERE (name, ca, profile) > ($1, $2, $3) AND (creator = $4 OR $4 = '') "
                   "ORDER BY name, ca, profile LIMIT $5",
                   {after.has_value() ? after->name.text() : "", after.has_value() ? after->ca : "",
                    after.has_value() ? after->profile : "", owner.value_or(""), int64_t{limit}});
  });
}

absl::StatusOr<int64_t> WarmNames::NoteLost(absl::Time now) {
  return sql::WriteFor<int64_t>(database_, [&](sql::Connection& connection) {
    return connection.Execute(
        "UPDATE warm_names SET authorization_url = '', valid_until = $2, act_time = $1 "
        "WHERE authorization_url <> '' AND valid_until > $1 AND NOT EXISTS (SELECT 1 FROM "
        "authorizations a WHERE a.url = warm_names.authorization_url AND a.reason = '')",
        {sql::TimeColumn(now), sql::TimeColumn(absl::InfinitePast())});
  });
}

absl::StatusOr<std::vector<WarmName>> WarmNames::TakeDue(absl::Time now, absl::Time until,
                                                         int limit) {
  return sql::WriteFor<Found>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    NORROY_ASSIGN_OR_RETURN(
        Found found,
        ReadAll(connection, "WHERE act_time <= $1 ORDER BY act_time, name, ca, profile LIMIT $2",
                {sql::TimeColumn(now), int64_t{limit}}));
    for (const WarmName& name : found) {
      NORROY_RETURN_IF_ERROR(
          connection
              .Execute(
                  absl::StrCat("UPDATE warm_names SET act_time = $4 WHERE ", kOfKey),
                  {name.key.name.text(), name.key.ca, name.key.profile, sql::TimeColumn(until)})
              .status());
    }
    return found;
  });
}

absl::StatusOr<absl::Time> WarmNames::NextDue() {
  return sql::ReadFor<absl::Time>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<absl::Time> {
        NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                                connection.Query("SELECT MIN(act_time) FROM warm_names", {}));
        return rows.front().IsNull(0) ? absl::InfiniteFuture() : sql::TimeOf(rows.front().Int(0));
      });
}

absl::Status WarmNames::Update(const WarmKey& key, const std::function<void(WarmName&)>& change) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(Found found, Find(connection, key));
    if (found.empty()) return absl::OkStatus();
    WarmName& name = found.front();
    change(name);
    return connection
        .Execute(
            absl::StrCat("UPDATE warm_names SET authorization_url = $4, valid_until = $5, "
                         "act_time = $6, order_id = $7, proving = $8, attempts = $9, "
                         "error_reason = $10, error_message = $11 WHERE ",
                         kOfKey),
            {key.name.text(), key.ca, key.profile, name.authorization_url,
             sql::TimeColumn(name.valid_until), sql::TimeColumn(name.act_time), name.order_id,
             int64_t{name.proving}, int64_t{name.attempts}, name.error_reason, name.error_message})
        .status();
  });
}

}  // namespace norroy::store
