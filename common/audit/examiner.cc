#include "common/audit/examiner.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::audit {
namespace {

absl::Status NotTheSame(int64_t number, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "CHECKPOINT_BROKEN",
                   absl::StrCat("checkpoint ", number, ": ", what),
                   {{"checkpoint", absl::StrCat(number)}});
}

}  // namespace

void Examiner::Expect(const Head& head, const std::string& where) {
  // The first word counts: a second one that differs cannot be true as well, and the series of
  // checkpoints is compared with itself.
  if (head.seq > 0) expected_[head.writer].emplace(head.seq, Expected{head.hash, where});
}

void Examiner::ExpectCheckpoint(int64_t number, const std::string& body_sha256,
                                const std::string& where) {
  expected_checkpoints_.emplace(number, Expected{body_sha256, where});
}

absl::Status Examiner::AddCheckpoint(const Checkpoint& checkpoint) {
  NORROY_ASSIGN_OR_RETURN(VerifiedCheckpoint verified, series_.Add(checkpoint));
  const Statement& statement = verified.statement;
  const auto expected = expected_checkpoints_.find(statement.number);
  if (expected != expected_checkpoints_.end()) {
    if (expected->second.hash != crypto::Sha256(checkpoint.body)) {
      return NotTheSame(statement.number,
                        absl::StrCat("it is not the one that ", expected->second.where, " has"));
    }
    expected_checkpoints_.erase(expected);
  }
  for (const Head& head : statement.heads) {
    Expect(head, absl::StrCat("checkpoint ", statement.number));
  }
  ++findings_.checkpoints;
  findings_.newest = std::move(verified);
  return absl::OkStatus();
}

absl::Status Examiner::AddRecord(const Record& record) {
  Link& link = links_[record.writer];
  NORROY_ASSIGN_OR_RETURN(link, Follow(link, record));
  ++findings_.records;
  const auto of_writer = expected_.find(record.writer);
  if (of_writer == expected_.end()) return absl::OkStatus();
  const auto expected = of_writer->second.find(record.seq);
  if (expected == of_writer->second.end()) return absl::OkStatus();
  if (expected->second.hash != crypto::Hex(record.hash)) {
    return ChainBroken(
        record.writer, record.seq,
        absl::StrCat("it, or one before it, is another than ", expected->second.where, " saw"));
  }
  of_writer->second.erase(expected);
  return absl::OkStatus();
}

absl::StatusOr<Findings> Examiner::Finish() {
  for (const auto& [number, expected] : expected_checkpoints_) {
    return NotTheSame(number, absl::StrCat("it is missing; ", expected.where, " has it"));
  }
  for (const auto& [writer, left] : expected_) {
    if (left.empty()) continue;
    // What was seen of this chain is not there: its end was cut off.
    return ChainBroken(writer, links_[writer].seq + 1,
                       absl::StrCat("the chain ends before it, and ", left.rbegin()->second.where,
                                    " saw it up to entry ", left.rbegin()->first));
  }
  for (const auto& [writer, link] : links_) {
    findings_.heads.push_back({.writer = writer, .seq = link.seq, .hash = crypto::Hex(link.hash)});
  }
  findings_.unsigned_records = findings_.records;
  if (findings_.newest.has_value()) {
    for (const Head& head : findings_.newest->statement.heads) {
      findings_.unsigned_records -= head.seq;
    }
  }
  return findings_;
}

}  // namespace norroy::audit
