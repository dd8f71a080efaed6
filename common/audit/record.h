#ifndef NORROY_COMMON_AUDIT_RECORD_H_
#define NORROY_COMMON_AUDIT_RECORD_H_

// Links of a hash chain, wherever they lie: in a database or in an exported file. Pure functions.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/audit/entry.h"

namespace norroy::audit {

// An entry as it lies in a chain.
struct Record {
  std::string writer;
  int64_t seq = 0;
  int format = 2;  // 1: without peer, outcome, policy version, request id and trace id
  Entry entry;
  std::string previous_hash;  // 32 bytes
  std::string hash;           // 32 bytes
};

// What `record.hash` has to be.
std::string HashOf(const Record& record);

// What a chain's next entry follows; as it stands, before the first.
struct Link {
  int64_t seq = 0;
  std::string hash = std::string(32, '\0');
};

// DATA_LOSS, reason AUDIT_BROKEN, metadata writer and seq.
absl::Status ChainBroken(const std::string& writer, int64_t seq, absl::string_view what);

// `record` as the next entry. DATA_LOSS (reason AUDIT_BROKEN) names the writer, the entry, and
// whether it was altered, is missing or follows another.
absl::StatusOr<Link> Follow(const Link& previous, const Record& record);

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_RECORD_H_
