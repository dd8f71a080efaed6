#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/rows.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {
namespace {

constexpr int64_t kVerifiedAtOnce = 1000;

struct Link {
  int64_t seq = 0;
  int64_t time = sql::kInfinitePast;
  std::string hash = std::string(32, '\0');  // before the first entry
};

// Each field with its length before it, so that no two entries have the same bytes.
void AddField(absl::string_view field, std::string& bytes) {
  absl::StrAppend(&bytes, field.size(), ":", field, ";");
}

std::string HashOf(const std::string& writer, const Link& previous, int64_t seq, int64_t time,
                   const AuditEntry& entry) {
  std::string bytes = "norroy audit v1\n";
  AddField(writer, bytes);
  AddField(absl::StrCat(seq), bytes);
  AddField(absl::StrCat(time), bytes);
  AddField(entry.principal, bytes);
  AddField(entry.action, bytes);
  AddField(entry.object, bytes);
  AddField(entry.detail, bytes);
  AddField(previous.hash, bytes);
  return crypto::Sha256(bytes);
}

absl::Status Broken(const std::string& writer, int64_t seq, absl::string_view what) {
  return MakeError(
      absl::StatusCode::kDataLoss, "AUDIT_BROKEN",
      absl::StrCat("the audit chain of ", writer, " is broken at entry ", seq, ": ", what),
      {{"writer", writer}, {"seq", absl::StrCat(seq)}});
}

// Columns: seq, time, principal, action, object, detail, prev_hash, hash.
absl::StatusOr<Link> Follow(const std::string& writer, const Link& previous, const sql::Row& row) {
  const int64_t seq = previous.seq + 1;
  if (row.Int(0) != seq) return Broken(writer, seq, "it is missing");
  const AuditEntry entry = {.principal = row.Text(2),
                            .action = row.Text(3),
                            .object = row.Text(4),
                            .detail = row.Text(5)};
  if (row.Bytes(6) != previous.hash) return Broken(writer, seq, "it follows another entry");
  if (row.Bytes(7) != HashOf(writer, previous, seq, row.Int(1), entry)) {
    return Broken(writer, seq, "it was altered");
  }
  return Link{.seq = seq, .time = row.Int(1), .hash = row.Bytes(7)};
}

absl::StatusOr<AuditHead> VerifyChain(sql::Connection& connection, const std::string& writer) {
  Link last;
  while (true) {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT seq, time, principal, action, object, detail, prev_hash, hash "
                         "FROM audit WHERE writer = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                         {writer, last.seq, kVerifiedAtOnce}));
    for (const sql::Row& row : rows) {
      NORROY_ASSIGN_OR_RETURN(last, Follow(writer, last, row));
    }
    if (rows.size() < static_cast<size_t>(kVerifiedAtOnce)) break;
  }
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> counted,
      connection.Query("SELECT COUNT(*) FROM audit WHERE writer = $1", {writer}));
  if (counted.at(0).Int(0) != last.seq) return Broken(writer, 1, "entries lie before it");
  return AuditHead{.writer = writer, .seq = last.seq, .hash = crypto::Hex(last.hash)};
}

}  // namespace

absl::Status SqlStore::Append(sql::Connection& connection, const AuditEntry& entry,
                              absl::Time time) {
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
  const int64_t seq = previous.seq + 1;
  return connection
      .Execute(
          "INSERT INTO audit (writer, seq, time, principal, action, object, detail, "
          "prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
          {writer_, seq, when, entry.principal, entry.action, entry.object, entry.detail,
           sql::Blob{previous.hash}, sql::Blob{HashOf(writer_, previous, seq, when, entry)}})
      .status();
}

absl::Status SqlStore::Audit(const AuditEntry& entry, absl::Time now) {
  return database_.Write(
      [&](sql::Connection& connection) { return Append(connection, entry, now); });
}

absl::StatusOr<std::vector<AuditHead>> SqlStore::VerifyAudit() {
  using Heads = std::vector<AuditHead>;
  return sql::ReadFor<Heads>(database_, [&](sql::Connection& connection) -> absl::StatusOr<Heads> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> writers,
        connection.Query("SELECT DISTINCT writer FROM audit ORDER BY writer", {}));
    Heads heads;
    for (const sql::Row& row : writers) {
      NORROY_ASSIGN_OR_RETURN(AuditHead head, VerifyChain(connection, row.Text(0)));
      heads.push_back(std::move(head));
    }
    return heads;
  });
}

}  // namespace norroy::store
