#include "common/audit/chain.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/status_macros.h"

namespace norroy::audit {
namespace {

constexpr int kFormat = 2;
constexpr int64_t kVerifiedAtOnce = 1000;
constexpr size_t kMaxText = 512;
constexpr size_t kMaxDetail = 4096;

constexpr char kColumns[] =
    "writer, seq, format, time, principal, action, object, detail, peer, outcome, policy_version, "
    "request_id, trace_id, prev_hash, hash";

Record ReadRow(const sql::Row& row) {
  Record record;
  record.writer = row.Text(0);
  record.seq = row.Int(1);
  record.format = static_cast<int>(row.Int(2));
  record.entry = {.principal = row.Text(4),
                  .action = row.Text(5),
                  .object = row.Text(6),
                  .detail = row.Text(7),
                  .time = sql::TimeOf(row.Int(3)),
                  .peer = row.Text(8),
                  .outcome = row.Text(9),
                  .policy_version = row.Int(10),
                  .request_id = row.Text(11),
                  .trace_id = row.Text(12)};
  record.previous_hash = row.Bytes(13);
  record.hash = row.Bytes(14);
  return record;
}

absl::StatusOr<Head> VerifyChain(sql::Connection& connection, const std::string& writer) {
  Link last;
  while (true) {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query(absl::StrCat("SELECT ", kColumns, " FROM audit WHERE writer = $1 ",
                                      "AND seq > $2 ORDER BY seq LIMIT $3"),
                         {writer, last.seq, kVerifiedAtOnce}));
    for (const sql::Row& row : rows) {
      NORROY_ASSIGN_OR_RETURN(last, Follow(last, ReadRow(row)));
    }
    if (rows.size() < static_cast<size_t>(kVerifiedAtOnce)) break;
  }
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> counted,
      connection.Query("SELECT COUNT(*) FROM audit WHERE writer = $1", {writer}));
  if (counted.at(0).Int(0) != last.seq) return ChainBroken(writer, 1, "entries lie before it");
  return Head{.writer = writer, .seq = last.seq, .hash = crypto::Hex(last.hash)};
}

// Whatever was said by somebody else, fit to be shown anywhere.
Entry Fit(const Entry& given) {
  Entry entry = given;
  for (std::string* text : {&entry.principal, &entry.action, &entry.object, &entry.peer,
                            &entry.outcome, &entry.request_id, &entry.trace_id}) {
    *text = Printable(*text, kMaxText);
  }
  entry.detail = Printable(entry.detail, kMaxDetail);
  return entry;
}

// Collects conditions and their parameters.
class Conditions {
 public:
  void Add(std::string text) { texts_.push_back(std::move(text)); }
  void AddText(absl::string_view column, const std::string& value) {
    if (!value.empty()) Add(absl::StrCat(column, " = ", Parameter(value)));
  }
  std::string Parameter(sql::Value value) {
    parameters_.push_back(std::move(value));
    return absl::StrCat("$", parameters_.size());
  }
  std::string Where() const {
    return texts_.empty() ? "" : absl::StrCat(" WHERE ", absl::StrJoin(texts_, " AND "));
  }
  const std::vector<sql::Value>& parameters() const { return parameters_; }

 private:
  std::vector<std::string> texts_;
  std::vector<sql::Value> parameters_;
};

void AddFilter(const Filter& filter, Conditions& where) {
  where.AddText("writer", filter.writer);
  where.AddText("principal", filter.principal);
  where.AddText("object", filter.object);
  if (absl::EndsWith(filter.action, ".")) {
    const std::string length = where.Parameter(static_cast<int64_t>(filter.action.size()));
    where.Add(absl::StrCat("substr(action, 1, ", length, ") = ", where.Parameter(filter.action)));
  } else {
    where.AddText("action", filter.action);
  }
  if (filter.after_seq > 0) where.Add(absl::StrCat("seq > ", where.Parameter(filter.after_seq)));
}

}  // namespace

absl::Status Chain::Append(sql::Connection& connection, const Entry& given, absl::Time time) const {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(
          "SELECT seq, time, hash FROM audit WHERE writer = $1 ORDER BY seq DESC LIMIT 1",
          {writer_}));
  Link previous;
  int64_t previous_time = sql::kInfinitePast;
  if (!rows.empty()) {
    previous = {.seq = rows[0].Int(0), .hash = rows[0].Bytes(2)};
    previous_time = rows[0].Int(1);
  }
  int64_t when = sql::TimeColumn(given.time == absl::InfinitePast() ? time : given.time);
  if (when == sql::kInfinitePast) when = previous_time;
  const Entry entry = Fit(given);
  Record record{.writer = writer_,
                .seq = previous.seq + 1,
                .format = kFormat,
                .entry = entry,
                .previous_hash = previous.hash,
                .hash = ""};
  record.entry.time = sql::TimeOf(when);
  record.hash = HashOf(record);
  return connection
      .Execute(
          absl::StrCat("INSERT INTO audit (", kColumns, ") VALUES ($1, $2, $3, $4, $5, $6, ",
                       "$7, $8, $9, $10, $11, $12, $13, $14, $15)"),
          {writer_, record.seq, int64_t{kFormat}, when, entry.principal, entry.action, entry.object,
           entry.detail, entry.peer, entry.outcome, entry.policy_version, entry.request_id,
           entry.trace_id, sql::Blob{record.previous_hash}, sql::Blob{record.hash}})
      .status();
}

absl::StatusOr<std::vector<Head>> ReadHeads(sql::Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT a.writer, a.seq, a.hash FROM audit AS a JOIN (SELECT writer, "
                       "MAX(seq) AS seq FROM audit GROUP BY writer) AS last ON last.writer = "
                       "a.writer AND last.seq = a.seq ORDER BY a.writer",
                       {}));
  std::vector<Head> heads;
  for (const sql::Row& row : rows) {
    heads.push_back({.writer = row.Text(0), .seq = row.Int(1), .hash = crypto::Hex(row.Bytes(2))});
  }
  return heads;
}

absl::StatusOr<std::vector<Head>> VerifyChains(sql::Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> writers,
      connection.Query("SELECT DISTINCT writer FROM audit ORDER BY writer", {}));
  std::vector<Head> heads;
  for (const sql::Row& row : writers) {
    NORROY_ASSIGN_OR_RETURN(Head head, VerifyChain(connection, row.Text(0)));
    heads.push_back(std::move(head));
  }
  return heads;
}

absl::StatusOr<std::vector<Record>> List(sql::Connection& connection, const Filter& filter,
                                         bool oldest_first, const Place* from, int limit) {
  Conditions where;
  AddFilter(filter, where);
  const bool one_writer = !filter.writer.empty();
  const absl::string_view behind = oldest_first ? " > " : " < ";
  if (from != nullptr && one_writer) {
    where.Add(absl::StrCat("seq", behind, where.Parameter(from->seq)));
  } else if (from != nullptr) {
    const std::string time = where.Parameter(from->time);
    const std::string writer = where.Parameter(from->writer);
    where.Add(absl::StrCat("(time, writer, seq)", behind, "(", time, ", ", writer, ", ",
                           where.Parameter(from->seq), ")"));
  }
  const absl::string_view direction = oldest_first ? " ASC" : " DESC";
  const std::string order = one_writer ? absl::StrCat(" ORDER BY seq", direction)
                                       : absl::StrCat(" ORDER BY time", direction, ", writer",
                                                      direction, ", seq", direction);
  const std::string end = absl::StrCat(order, " LIMIT ", where.Parameter(int64_t{limit}));
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(absl::StrCat("SELECT ", kColumns, " FROM audit", where.Where(), end),
                       where.parameters()));
  std::vector<Record> records;
  for (const sql::Row& row : rows) records.push_back(ReadRow(row));
  return records;
}

}  // namespace norroy::audit
