#ifndef NORROY_COMMON_AUDIT_CHECKPOINTS_H_
#define NORROY_COMMON_AUDIT_CHECKPOINTS_H_

// The checkpoints that a database keeps of its own chains (the table audit_checkpoints).

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/audit/checkpoint.h"
#include "common/identity/issuing.h"
#include "common/sql/database.h"

namespace norroy::audit {

// Signs the heads of all chains as they are in this transaction, and keeps that; if no chain has
// moved since the newest checkpoint, that one is returned and nothing is written. DATA_LOSS, reason
// AUDIT_BROKEN, if a chain has not got any more what the newest one signed.
absl::StatusOr<Checkpoint> SignHeads(sql::Connection& connection, const std::string& deployment,
                                     const identity::IdentityFile& signer, absl::Time now);

struct KeptCheckpoint {
  int64_t number = 0;
  Checkpoint checkpoint;
};
// Oldest first, those of a higher number than `after`.
absl::StatusOr<std::vector<KeptCheckpoint>> ListCheckpoints(sql::Connection& connection,
                                                            int64_t after, int limit);

// The chains still have every head that a kept checkpoint names: what somebody cut off a chain, or
// wrote anew, without touching the checkpoints shows here. Looks at no signature. DATA_LOSS, reason
// AUDIT_BROKEN.
absl::Status CompareWithCheckpoints(sql::Connection& connection);

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_CHECKPOINTS_H_
