#ifndef NORROY_COMMON_AUDIT_EXPORT_LINE_H_
#define NORROY_COMMON_AUDIT_EXPORT_LINE_H_

// An exported audit log is a text file of one JSON object a line, in this order: one header, every
// checkpoint, every record (each chain in its order), one end. Tools can read it line by line:
//
//   {"export":{...}}
//   {"checkpoint":{...}}    norroy.audit.v1.Checkpoint
//   {"record":{...}}        norroy.audit.v1.AuditRecord
//   {"end":{...}}
//
// Pure functions.

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/audit/checkpoint.h"
#include "common/audit/export.pb.h"
#include "common/audit/record.h"

namespace norroy::audit {

inline constexpr int kExportVersion = 1;
// A checkpoint of kMaxCheckpointBody, in base64, with its certificates.
inline constexpr size_t kMaxExportLine = 4 * 1024 * 1024;

using ExportLine = std::variant<ExportHeader, Checkpoint, Record, ExportEnd>;

// Without a line break.
std::string ToText(const ExportLine& line);
// The same. INVALID_ARGUMENT, reason BAD_EXPORT.
absl::StatusOr<ExportLine> ParseExportLine(absl::string_view text);

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_EXPORT_LINE_H_
