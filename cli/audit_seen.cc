#include "cli/audit_seen.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/audit/export_line.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {

std::string SeenFile(const std::string& dir, const std::string& process) {
  return absl::StrCat(dir, "/audit/", absl::StrReplaceAll(process, {{"/", "-"}}), ".json");
}

absl::StatusOr<std::optional<audit::Checkpoint>> LoadSeen(const std::string& dir,
                                                          const std::string& process) {
  const std::string path = SeenFile(dir, process);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::optional<audit::Checkpoint>();
  NORROY_ASSIGN_OR_RETURN(std::string text, identity::ReadFile(path, audit::kMaxExportLine));
  if (!text.empty() && text.back() == '\n') text.pop_back();
  const absl::StatusOr<audit::ExportLine> line = audit::ParseExportLine(text);
  if (!line.ok()) return WithContext(line.status(), path);
  const auto* checkpoint = std::get_if<audit::Checkpoint>(&*line);
  if (checkpoint != nullptr) return std::optional<audit::Checkpoint>(*checkpoint);
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CHECKPOINT",
                   absl::StrCat(path, ": this is no checkpoint"));
}

absl::Status KeepSeen(const std::string& dir, const std::string& process,
                      const audit::Checkpoint& checkpoint) {
  std::error_code error;
  std::filesystem::create_directories(dir + "/audit", error);
  if (error) {
    return absl::FailedPreconditionError(absl::StrCat(dir, "/audit: ", error.message()));
  }
  return identity::WriteFileAtomically(SeenFile(dir, process), audit::ToText(checkpoint) + "\n",
                                       0644);
}

}  // namespace norroy::cli
