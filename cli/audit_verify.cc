#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/audit.h"
#include "cli/audit_result.pb.h"
#include "cli/audit_seen.h"
#include "cli/audit_server.h"
#include "cli/audit_text.h"
#include "cli/text.h"
#include "common/audit/export_file.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

void Show(Context& context, const AuditVerification& result) {
  context.output().Object(
      result, {{"process", result.process()},
               {"verdict", "nothing was changed, dropped, put in or put elsewhere"},
               {"records", absl::StrCat(result.records())},
               {"newest checkpoint", absl::StrCat(result.newest_checkpoint(), ", signed ",
                                                  TimeText(result.newest_checkpoint_time()))},
               {"compared with", result.compared_with()}});
  if (context.output().json()) return;
  std::string text = "what this cannot know:\n";
  for (const std::string& unknown : result.unknown()) absl::StrAppend(&text, "  - ", unknown, "\n");
  context.output().Text(text);
}

void SetUnknown(int64_t unsigned_records, AuditVerification& result) {
  for (const std::string& text :
       WhatIsNotKnown(unsigned_records, !result.compared_with().empty())) {
    result.add_unknown(text);
  }
}

void SetNewest(const audit::VerifiedCheckpoint& newest, AuditVerification& result) {
  result.set_newest_checkpoint(newest.statement.number);
  *result.mutable_newest_checkpoint_time() = ToProto(newest.statement.time);
}

absl::Status VerifyFile(Context& context, const AuditVerifyOptions& options) {
  NORROY_ASSIGN_OR_RETURN(audit::Trust trust, TrustOf(context));
  NORROY_ASSIGN_OR_RETURN(const audit::ExaminedExport examined,
                          audit::ExamineExport(options.file, options.against, std::move(trust)));
  AuditVerification result;
  result.set_process(examined.header.process());
  result.set_records(examined.findings.records);
  result.set_compared_with(options.against);
  if (examined.findings.newest.has_value()) SetNewest(*examined.findings.newest, result);
  SetUnknown(examined.findings.unsigned_records, result);
  Show(context, result);
  return absl::OkStatus();
}

absl::Status NotWhatWasSeen(const std::string& process, absl::string_view what) {
  return MakeError(
      absl::StatusCode::kDataLoss, "AUDIT_BROKEN",
      absl::StrCat("the audit log of ", process, " is not the one that was seen from here: ", what,
                   "\n  it was written anew, cut off, or its database was brought back from an "
                   "older backup"));
}

// From what was seen on, checkpoint by checkpoint, to the newest.
absl::Status CompareCheckpoints(AuditServer& server, const audit::Trust& trust,
                                const std::string& process, const audit::Checkpoint& seen,
                                const audit::VerifiedCheckpoint& newest) {
  audit::Series series(trust);
  NORROY_RETURN_IF_ERROR(series.ResumeAfter(seen));
  NORROY_ASSIGN_OR_RETURN(const audit::Statement kept, audit::ReadStatement(seen));
  int64_t number = 0;
  bool met = false;
  NORROY_RETURN_IF_ERROR(server.EachCheckpoint([&](const audit::Checkpoint& checkpoint) {
    NORROY_ASSIGN_OR_RETURN(const audit::Statement statement, audit::ReadStatement(checkpoint));
    number = statement.number;
    if (number < kept.number) return absl::OkStatus();
    if (number > kept.number) return series.Add(checkpoint).status();
    met = checkpoint.body == seen.body;
    return absl::OkStatus();
  }));
  if (!met) return NotWhatWasSeen(process, absl::StrCat("checkpoint ", kept.number, " is another"));
  if (number == newest.statement.number) return absl::OkStatus();
  return NotWhatWasSeen(
      process, absl::StrCat("its last checkpoint is ", number, ", not ", newest.statement.number));
}

// The records at which the chains ended then are where they were.
absl::Status CompareRecords(AuditServer& server, const std::string& process,
                            const audit::Checkpoint& seen) {
  NORROY_ASSIGN_OR_RETURN(const audit::Statement kept, audit::ReadStatement(seen));
  for (const audit::Head& head : kept.heads) {
    const absl::StatusOr<audit::Record> record = server.Get(head.writer, head.seq);
    if (!record.ok() && !absl::IsNotFound(record.status())) return record.status();
    if (record.ok() && record->hash == audit::HashOf(*record) &&
        crypto::Hex(record->hash) == head.hash) {
      continue;
    }
    return NotWhatWasSeen(process,
                          absl::StrCat("entry ", head.seq, " of the chain of ", head.writer,
                                       record.ok() ? " is another" : " is missing"));
  }
  return absl::OkStatus();
}

// The newest checkpoint, and that no chain ends before what it says.
absl::StatusOr<audit::VerifiedCheckpoint> VerifyNewest(const audit::Checkpoint& newest,
                                                       const audit::Trust& trust,
                                                       const std::string& of,
                                                       const std::vector<audit::Head>& heads) {
  NORROY_ASSIGN_OR_RETURN(audit::VerifiedCheckpoint verified,
                          audit::VerifyCheckpoint(newest, trust));
  if (identity::RoleName(verified.signer.role) != of) {
    return MakeError(
        absl::StatusCode::kDataLoss, "CHECKPOINT_BROKEN",
        absl::StrCat("the checkpoint is of ", verified.signer.Principal(), ", which is no ", of));
  }
  for (const audit::Head& head : heads) {
    bool covered = false;
    for (const audit::Head& signed_head : verified.statement.heads) {
      covered = covered || (signed_head.writer == head.writer && signed_head.seq >= head.seq);
    }
    if (!covered) {
      return MakeError(absl::StatusCode::kDataLoss, "CHECKPOINT_BROKEN",
                       absl::StrCat("the checkpoint leaves out entries of ", head.writer));
    }
  }
  return verified;
}

absl::Status VerifyServer(Context& context, const std::string& of) {
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  NORROY_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context));
  NORROY_ASSIGN_OR_RETURN(AuditServer server, AuditServer::Connect(context, of));
  NORROY_ASSIGN_OR_RETURN(const std::vector<audit::Head> heads, server.Verify());
  NORROY_ASSIGN_OR_RETURN(const audit::Checkpoint newest, server.CreateCheckpoint());
  NORROY_ASSIGN_OR_RETURN(const audit::VerifiedCheckpoint verified,
                          VerifyNewest(newest, trust, of, heads));
  AuditVerification result;
  result.set_process(verified.signer.Principal());
  NORROY_ASSIGN_OR_RETURN(const std::optional<audit::Checkpoint> seen,
                          LoadSeen(dir, result.process()));
  if (seen.has_value()) {
    NORROY_RETURN_IF_ERROR(CompareCheckpoints(server, trust, result.process(), *seen, verified));
    NORROY_RETURN_IF_ERROR(CompareRecords(server, result.process(), *seen));
    result.set_compared_with(absl::StrCat("checkpoint ", audit::ReadStatement(*seen)->number,
                                          ", seen earlier (", SeenFile(dir, result.process()),
                                          ")"));
  }
  NORROY_RETURN_IF_ERROR(KeepSeen(dir, result.process(), newest));
  for (const audit::Head& head : heads) result.set_records(result.records() + head.seq);
  SetNewest(verified, result);
  result.add_unknown(
      "more than the server says of its own records: norroy audit export FILE, then "
      "norroy audit verify FILE, looks at each of them here");
  SetUnknown(0, result);
  Show(context, result);
  return absl::OkStatus();
}

}  // namespace

absl::Status AuditVerify(Context& context, const AuditVerifyOptions& options) {
  if (!options.file.empty()) return VerifyFile(context, options);
  if (!options.against.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     "--against compares two exports: give FILE, too");
  }
  absl::Status worst;
  // Both, whatever the first one says.
  for (const char* of : {"issuer", "validator"}) {
    const absl::Status status = VerifyServer(context, of);
    if (!status.ok()) worst.Update(WithContext(status, of));
  }
  return worst;
}

}  // namespace norroy::cli
