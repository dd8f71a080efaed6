#include "cli/identity_rotation.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/authorities.h"
#include "cli/output.h"
#include "cli/revocation.h"
#include "cli/rotation.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

absl::Status Usage(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE", message);
}

bool IsRoot(absl::string_view what) { return what == "core" || what == "edge"; }

absl::StatusOr<RotationReport> Rotate(const std::string& dir, const RotateOptions& options,
                                      absl::Time now) {
  if (options.what == "ci" || options.what == "seal") {
    if (!options.stage.empty()) {
      return Usage(absl::StrCat(options.what, " is rotated in one step: leave out \"",
                                Printable(options.stage, 64), "\""));
    }
    return options.what == "ci" ? RotateCi(dir, now) : RotateSeal(dir, now);
  }
  if (!IsRoot(options.what)) return Usage("WHAT is one of core, edge, ci, seal");
  if (options.stage == "prepare") return PrepareRoot(dir, options.what, now);
  if (options.stage == "activate") return ActivateRoot(dir, options.what, now);
  if (options.stage == "retire") return RetireRoot(dir, options.what, options.force, now);
  if (options.stage == "status") return RotationOf(dir, options.what, now);
  return Usage("a root is rotated in steps: prepare, activate, retire; status shows how far it is");
}

std::string StageText(RotationStage stage) {
  switch (stage) {
    case ROTATION_STAGE_PREPARED:
      return "prepared: the next root is believed, the old one signs";
    case ROTATION_STAGE_ACTIVE:
      return "active: the new root signs, the old one is still believed";
    default:
      return "one root, which signs";
  }
}

// What comes next, and what to wait for.
std::string NextStep(const RotationReport& report) {
  const bool core = report.what() == "core";
  if (!IsRoot(report.what())) return "";
  switch (report.state().stage()) {
    case ROTATION_STAGE_PREPARED:
      return absl::StrCat(
          "Copy ", report.what(), "/trusted.pem over the ", report.what(),
          " root of every server and client that is elsewhere",
          core ? " (and core/successors.pem beside a validator's, as core-root.pem.successors): "
                 "attached agents learn of it from there. "
               : ". ",
          "Then: norroy identity rotate ", report.what(), " activate");
    case ROTATION_STAGE_ACTIVE:
      return absl::StrCat("Copy the identities that were made anew to where they are used, and ",
                          report.what(), "/trusted.pem again. After ",
                          core ? "a day (seals)" : "a week (agents' identities)",
                          ": norroy identity rotate ", report.what(), " retire");
    default:
      return "";
  }
}

std::string Principals(const google::protobuf::RepeatedPtrField<IdentityRecord>& records) {
  return absl::StrJoin(records, ", ", [](std::string* out, const IdentityRecord& record) {
    absl::StrAppend(out, record.principal(), " (", record.file(), ")");
  });
}

}  // namespace

absl::Status IdentityRotate(Context& context, const RotateOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  NORROY_ASSIGN_OR_RETURN(const RotationReport report, Rotate(dir, options, context.clock().Now()));
  Fields fields = {{"what", report.what()}};
  if (IsRoot(report.what())) fields.push_back({"stage", StageText(report.state().stage())});
  fields.push_back({"root", report.root_sha256()});
  fields.push_back({"other root", report.other_root_sha256()});
  fields.push_back({"written", absl::StrJoin(report.written(), ", ")});
  fields.push_back({"made anew", Principals(report.issued())});
  fields.push_back({"still by the old root", Principals(report.behind())});
  context.output().Object(report, fields);
  const std::string next = NextStep(report);
  if (!next.empty()) context.output().Say(next);
  return absl::OkStatus();
}

absl::Status IdentityRevoke(Context& context, const IdentityRevokeOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  std::vector<std::string> serials;
  for (const std::string& identity : options.identities) {
    NORROY_ASSIGN_OR_RETURN(serials.emplace_back(), SerialOf(identity));
  }
  NORROY_ASSIGN_OR_RETURN(const std::vector<std::string> written,
                          RevokeSerials(dir, serials, context.clock().Now()));
  NORROY_ASSIGN_OR_RETURN(const std::set<std::string> revoked, RevokedSerials(dir));
  context.output().Text(absl::StrCat("revoked: ", absl::StrJoin(serials, ", "), " (",
                                     revoked.size(),
                                     " in all)\nwritten: ", absl::StrJoin(written, ", "), "\n"));
  context.output().Say(
      "Servers look at the list beside their core root every second. Copy core/revoked.crl to "
      "CORE_ROOT_FILE.crl of those that are elsewhere.");
  return absl::OkStatus();
}

}  // namespace norroy::cli
