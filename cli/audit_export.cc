#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/audit.h"
#include "cli/audit_result.pb.h"
#include "cli/audit_seen.h"
#include "cli/audit_server.h"
#include "cli/text.h"
#include "common/audit/export_file.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

// A log that is broken is exported as it is: what is wrong with it is for whoever looks.
absl::Status SignFirst(Context& context, AuditServer& server) {
  const absl::Status status = server.CreateCheckpoint().status();
  if (!absl::IsDataLoss(status)) return status;
  context.output().Say(absl::StrCat("No new checkpoint: ", status.message(),
                                    "\nWhat was signed before is exported with what is there."));
  return absl::OkStatus();
}

// What is kept here is replaced only by what goes on from it; `norroy audit verify` tells of the
// rest.
absl::Status KeepNewest(const std::string& dir, const std::string& process,
                        const std::vector<audit::Checkpoint>& checkpoints) {
  NORROY_ASSIGN_OR_RETURN(const std::optional<audit::Checkpoint> seen, LoadSeen(dir, process));
  const bool goes_on = !seen.has_value() || std::find(checkpoints.begin(), checkpoints.end(),
                                                      *seen) != checkpoints.end();
  return goes_on ? KeepSeen(dir, process, checkpoints.back()) : absl::OkStatus();
}

// Every record that the newest checkpoint covers; of what came since, the next export tells.
absl::Status WriteAll(AuditServer& server, const audit::Statement& newest,
                      audit::ExportWriter& writer) {
  for (const audit::Head& head : newest.heads) {
    NORROY_RETURN_IF_ERROR(server.EachRecord(
        head.writer, head.seq, [&](const audit::Record& record) { return writer.Add(record); }));
  }
  return writer.Finish();
}

}  // namespace

absl::Status AuditExport(Context& context, const AuditExportOptions& options) {
  std::error_code error;
  if (std::filesystem::exists(options.file, error)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "FILE_EXISTS",
                     absl::StrCat(options.file,
                                  " is there already: later logs are compared with "
                                  "older exports, so keep it and give another name"));
  }
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  NORROY_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context));
  NORROY_ASSIGN_OR_RETURN(AuditServer server, AuditServer::Connect(context, options.of));
  NORROY_RETURN_IF_ERROR(SignFirst(context, server));
  std::vector<audit::Checkpoint> checkpoints;
  NORROY_RETURN_IF_ERROR(server.EachCheckpoint([&](const audit::Checkpoint& checkpoint) {
    checkpoints.push_back(checkpoint);
    return absl::OkStatus();
  }));
  if (checkpoints.empty()) {
    return absl::FailedPreconditionError("the server has no checkpoint of its audit log");
  }
  NORROY_ASSIGN_OR_RETURN(const audit::VerifiedCheckpoint newest,
                          audit::VerifyCheckpoint(checkpoints.back(), trust));
  audit::ExportHeader header;
  header.set_version(audit::kExportVersion);
  header.set_deployment(trust.deployment);
  header.set_process(newest.signer.Principal());
  *header.mutable_time() = ToProto(context.clock().Now());
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<audit::ExportWriter> writer,
                          audit::ExportWriter::Create(options.file, header));
  for (const audit::Checkpoint& checkpoint : checkpoints) {
    NORROY_RETURN_IF_ERROR(writer->Add(checkpoint));
  }
  NORROY_RETURN_IF_ERROR(WriteAll(server, newest.statement, *writer));
  NORROY_RETURN_IF_ERROR(KeepNewest(dir, header.process(), checkpoints));
  AuditExportResult result;
  result.set_file(options.file);
  result.set_process(header.process());
  result.set_records(writer->counts().records());
  result.set_checkpoints(writer->counts().checkpoints());
  *result.mutable_newest_checkpoint_time() = ToProto(newest.statement.time);
  context.output().Object(result, {{"file", result.file()},
                                   {"process", result.process()},
                                   {"records", absl::StrCat(result.records())},
                                   {"checkpoints", absl::StrCat(result.checkpoints())},
                                   {"signed up to", TimeText(result.newest_checkpoint_time())}});
  context.output().Say(
      absl::StrCat("Keep it away from the server. To check it, anywhere: norroy "
                   "audit verify ",
                   options.file));
  return absl::OkStatus();
}

}  // namespace norroy::cli
