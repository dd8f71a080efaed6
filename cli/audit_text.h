#ifndef NORROY_CLI_AUDIT_TEXT_H_
#define NORROY_CLI_AUDIT_TEXT_H_

// Audit records, what a verification found, and evidence, as people read them.

#include <cstdint>
#include <string>
#include <vector>

#include "cli/output.h"
#include "norroy/audit/v1/audit_service.pb.h"
#include "norroy/issuer/v1/certificate_service.pb.h"

namespace norroy::cli {

// One line: time, who, what, on what, how it ended, from where, and the rest.
std::string RecordLine(const audit::v1::AuditRecord& record);

// What no verification can know; `unsigned_records` lie behind the newest checkpoint, and
// `compared`: something kept earlier was compared with.
std::vector<std::string> WhatIsNotKnown(int64_t unsigned_records, bool compared);

// Everything but the records.
Fields EvidenceFields(const issuer::v1::Evidence& evidence);
std::string EvidenceNames(const issuer::v1::Evidence& evidence);

}  // namespace norroy::cli

#endif  // NORROY_CLI_AUDIT_TEXT_H_
