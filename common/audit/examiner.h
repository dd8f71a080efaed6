#ifndef NORROY_COMMON_AUDIT_EXAMINER_H_
#define NORROY_COMMON_AUDIT_EXAMINER_H_

// Examines a log that was taken out of its database: every chain from its first record, every
// checkpoint's signature and place, and that the records are those that the checkpoints, and those
// who kept something earlier, saw.
//
//   Examiner examiner(trust);
//   examiner.Expect(...);                     // what is known from elsewhere
//   examiner.AddCheckpoint(...) each, in their order;
//   examiner.AddRecord(...) each, every chain in its order, chains in any;
//   examiner.Finish();
//
// What it cannot know: whether records behind the newest checkpoint were cut off, and whether
// somebody with both the database and the process's identity key wrote the whole of it anew, if
// nothing was kept elsewhere. Not thread-safe.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/checkpoint.h"
#include "common/audit/record.h"

namespace norroy::audit {

struct Findings {
  int64_t records = 0;
  int64_t checkpoints = 0;
  std::vector<Head> heads;                   // by writer
  std::optional<VerifiedCheckpoint> newest;  // unset: there is no checkpoint
  int64_t unsigned_records = 0;              // behind the newest checkpoint
};

class Examiner {
 public:
  explicit Examiner(Trust trust) : series_(std::move(trust)) {}

  // A record, or the body of a checkpoint, that was seen before; `where` says where.
  void Expect(const Head& head, const std::string& where);
  void ExpectCheckpoint(int64_t number, const std::string& body_sha256, const std::string& where);

  // DATA_LOSS, reason AUDIT_BROKEN or CHECKPOINT_BROKEN: what was altered, dropped, put in, put
  // elsewhere or cut off, and where.
  absl::Status AddCheckpoint(const Checkpoint& checkpoint);
  absl::Status AddRecord(const Record& record);
  absl::StatusOr<Findings> Finish();

 private:
  struct Expected {
    std::string hash;
    std::string where;
  };

  Series series_;
  std::map<std::string, Link> links_;                            // by writer
  std::map<std::string, std::map<int64_t, Expected>> expected_;  // by writer and number
  std::map<int64_t, Expected> expected_checkpoints_;
  Findings findings_;
};

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_EXAMINER_H_
