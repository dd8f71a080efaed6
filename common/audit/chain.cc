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

constexpr char kColumns[] =
    "writer, seq, format, time, principal, action, object, detail, peer, outcome, policy_version, "
    "request_id, trace_id, prev_hash, hash";

// Each field with its length before it, so that no two entries have the same bytes.
void AddField(absl::string_view field, std::string& bytes) {
  absl::StrAppend(&bytes, field.size(), ":", field, ";");
}

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

// What a chain's next entry follows.
struct Link {
  int64_t seq = 0;
  int64_t time = sql::kInfinitePast;
  std::string hash = std::string(32, '\0');  // before the first entry
};

absl::Status Broken(const std::string& writer, int64_t seq, absl::string_view what) {
  return MakeError(
      absl::StatusCode::kDataLoss, "AUDIT_BROKEN",
      absl::StrCat("the audit chain of ", writer, " is broken at entry ", seq, ": ", what),
      {{"writer", writer}, {"seq", absl::StrCat(seq)}});
}

absl::StatusOr<Link> Follow(const Link& previous, const Record& record) {
  const int64_t seq = previous.seq + 1;
  if (record.seq != seq) return Broken(record.writer, seq, "it is missing");
  if (record.previous_hash != previous.hash) {
    return Broken(record.writer, seq, "it follows another entry");
  }
  if (record.hash != HashOf(record)) {
    return Broken(record.writer, seq, "it was altered");
  }
  return Link{.seq = seq, .time = sql::TimeColumn(record.entry.time), .hash = record.hash};
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
  if (counted.at(0).Int(0) != last.seq) return Broken(writer, 1, "entries lie before it");
  return Head{.writer = writer, .seq = last.seq, .hash = crypto::Hex(last.hash)};
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

}  // namespace

std::string HashOf(const Record& record) {
  const Entry& entry = record.entry;
  std::string bytes = absl::StrCat("norroy audit v", record.format, "\n");
  AddField(record.writer, bytes);
  AddField(absl::StrCat(record.seq), bytes);
  AddField(absl::StrCat(sql::TimeColumn(entry.time)), bytes);
  AddField(entry.principal, bytes);
  AddField(entry.action, bytes);
  AddField(entry.object, bytes);
  AddField(entry.detail, bytes);
  if (record.format >= 2) {
    AddField(entry.peer, bytes);
    AddField(entry.outcome, bytes);
    AddField(absl::StrCat(entry.policy_version), bytes);
    AddField(entry.request_id, bytes);
    AddField(entry.trace_id, bytes);
  }
  AddField(record.previous_hash, bytes);
  return crypto::Sha256(bytes);
}

absl::Status Chain::Append(sql::Connection& connection, const Entry& entry, absl::Time time) const {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(
          "SELECT seq, time, hash FROM audit WHERE writer = $1 ORDER BY seq DESC LIMIT 1",
          {writer_}));
  Link previous;
  if (!rows.empty()) {
    previous = {.seq = rows[0].Int(0), .time = rows[0].Int(1), .hash = rows[0].Bytes(2)};
  }
  int64_t when = sql::TimeColumn(entry.time == absl::InfinitePast() ? time : entry.time);
  if (when == sql::kInfinitePast) when = previous.time;
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
  where.AddText("writer", filter.writer);
  where.AddText("principal", filter.principal);
  where.AddText("object", filter.object);
  if (absl::EndsWith(filter.action, ".")) {
    const std::string length = where.Parameter(int64_t(filter.action.size()));
    where.Add(absl::StrCat("substr(action, 1, ", length, ") = ", where.Parameter(filter.action)));
  } else {
    where.AddText("action", filter.action);
  }
  if (filter.after_seq > 0) where.Add(absl::StrCat("seq > ", where.Parameter(filter.after_seq)));
  const absl::string_view direction = oldest_first ? " ASC" : " DESC";
  if (from != nullptr) {
    const std::string place = absl::StrJoin(
        {where.Parameter(from->time), where.Parameter(from->writer), where.Parameter(from->seq)},
        ", ");
    where.Add(absl::StrCat("(time, writer, seq) ", oldest_first ? ">" : "<", " (", place, ")"));
  }
  const std::string order =
      absl::StrCat(" ORDER BY time", direction, ", writer", direction, ", seq", direction,
                   " LIMIT ", where.Parameter(int64_t{limit}));
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(absl::StrCat("SELECT ", kColumns, " FROM audit", where.Where(), order),
                       where.parameters()));
  std::vector<Record> records;
  for (const sql::Row& row : rows) records.push_back(ReadRow(row));
  return records;
}

}  // namespace norroy::audit
