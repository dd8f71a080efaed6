#ifndef NORROY_COMMON_AUDIT_LOG_H_
#define NORROY_COMMON_AUDIT_LOG_H_

// The audit log of one process, as those see it who read, check and sign it. What is decided and
// changed is appended elsewhere, through Chain, in the transaction of the change.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/audit/chain.h"
#include "common/audit/checkpoint.h"
#include "common/audit/checkpoints.h"
#include "common/clock/clock.h"
#include "common/sql/database.h"

namespace norroy::audit {

struct LogOptions {
  sql::Database& database;  // with the tables of chain.h
  Clock& clock;
  std::string deployment;
  std::string writer;         // "issuer/main"
  std::string identity_file;  // signs checkpoints; read anew each time
};

// Thread-safe. What the options refer to outlives it.
class Log {
 public:
  explicit Log(LogOptions options) : options_(std::move(options)), chain_(options_.writer) {}

  // For what changes nothing: a refused call.
  absl::Status Append(const Entry& entry);
  // As audit::List.
  absl::StatusOr<std::vector<Record>> List(const Filter& filter, bool oldest_first,
                                           const Place* from, int limit);
  // Recomputes every chain, and compares them with the kept checkpoints. DATA_LOSS, reason
  // AUDIT_BROKEN.
  absl::StatusOr<std::vector<Head>> Verify();
  // As SignHeads, with this process's identity.
  absl::StatusOr<Checkpoint> Sign();
  absl::StatusOr<std::vector<KeptCheckpoint>> Checkpoints(int64_t after, int limit);

 private:
  const LogOptions options_;
  const Chain chain_;
};

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_LOG_H_
