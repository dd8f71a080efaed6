#ifndef NORROY_COMMON_AUDIT_TO_PROTO_H_
#define NORROY_COMMON_AUDIT_TO_PROTO_H_

// The values of a log as norroy.audit.v1 shows them, and back. Pure functions.

#include "absl/time/time.h"
#include "common/audit/checkpoint.h"
#include "common/audit/record.h"
#include "google/protobuf/timestamp.pb.h"
#include "norroy/audit/v1/audit_service.pb.h"

namespace norroy::audit {

// To the nanosecond; an unset time is InfinitePast.
google::protobuf::Timestamp ToTimestamp(absl::Time time);
absl::Time FromTimestamp(const google::protobuf::Timestamp& time);

v1::AuditRecord ToProto(const Record& record);
Record FromProto(const v1::AuditRecord& proto);

v1::AuditHead ToProto(const Head& head);
Head FromProto(const v1::AuditHead& proto);

v1::Checkpoint ToProto(const Checkpoint& checkpoint);
Checkpoint FromProto(const v1::Checkpoint& proto);

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_TO_PROTO_H_
