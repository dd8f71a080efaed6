#ifndef NORROY_COMMON_AUDIT_EXPORT_FILE_H_
#define NORROY_COMMON_AUDIT_EXPORT_FILE_H_

// Exported audit logs as files: written whole or not at all, read line by line, examined without
// any server. Not thread-safe.

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/examiner.h"
#include "common/audit/export_line.h"

namespace norroy::audit {

// Writes "<path>.new" and makes it `path` with Finish; dropped before that, it leaves nothing.
class ExportWriter {
 public:
  static absl::StatusOr<std::unique_ptr<ExportWriter>> Create(const std::string& path,
                                                              const ExportHeader& header);
  ~ExportWriter();
  ExportWriter(const ExportWriter&) = delete;
  ExportWriter& operator=(const ExportWriter&) = delete;

  absl::Status Add(const Checkpoint& checkpoint);
  absl::Status Add(const Record& record);
  absl::Status Finish();

  const ExportEnd& counts() const { return end_; }

 private:
  ExportWriter(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  absl::Status Write(const ExportLine& line);

  const std::string path_;
  std::FILE* file_;  // null once closed
  ExportEnd end_;
};

// Calls `visit` with each line in turn. Refuses a file without its header or end, lines in another
// order and counts that are not those of the lines: INVALID_ARGUMENT, reason BAD_EXPORT. Errors,
// those of `visit` too, begin with "FILE:LINE: ".
absl::Status ReadExport(const std::string& path,
                        const std::function<absl::Status(const ExportLine&)>& visit);

struct ExaminedExport {
  ExportHeader header;
  Findings findings;
};

// Examines `path`; if `older` is not empty, that one too, and that what it has is in `path`. The
// trust's deployment, if empty, is the one that the file's header names.
absl::StatusOr<ExaminedExport> ExamineExport(const std::string& path, const std::string& older,
                                             Trust trust);

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_EXPORT_FILE_H_
