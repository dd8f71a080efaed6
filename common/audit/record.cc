#include "common/audit/record.h"

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"

namespace norroy::audit {
namespace {

// Each field with its length before it, so that no two entries have the same bytes.
void AddField(absl::string_view field, std::string& bytes) {
  absl::StrAppend(&bytes, field.size(), ":", field, ";");
}

}  // namespace

absl::Status ChainBroken(const std::string& writer, int64_t seq, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "AUDIT_BROKEN",
                   absl::StrCat("the audit chain of ", Printable(writer, 64),
                                " is broken at entry ", seq, ": ", what),
                   {{"writer", Printable(writer, 64)}, {"seq", absl::StrCat(seq)}});
}

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

absl::StatusOr<Link> Follow(const Link& previous, const Record& record) {
  const int64_t seq = previous.seq + 1;
  if (record.seq != seq) {
    return ChainBroken(
        record.writer, seq,
        absl::StrCat("it is missing, and entry ", record.seq, " stands in its place"));
  }
  if (record.previous_hash != previous.hash) {
    return ChainBroken(record.writer, seq, "it follows another entry");
  }
  if (record.hash != HashOf(record)) return ChainBroken(record.writer, seq, "it was altered");
  return Link{.seq = seq, .hash = record.hash};
}

}  // namespace norroy::audit
