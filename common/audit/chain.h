#ifndef NORROY_COMMON_AUDIT_CHAIN_H_
#define NORROY_COMMON_AUDIT_CHAIN_H_

// A process's hash chain in its database: an entry's hash covers the entry and the hash before it.
// Entries are appended in the transaction of the change that they tell of, so that neither is there
// without the other.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/entry.h"
#include "common/audit/record.h"
#include "common/sql/database.h"

namespace norroy::audit {

// The table in its first form, and what has been added since: for the migrations of those who keep
// a chain. A new database takes both, in this order.
inline constexpr absl::string_view kTable = R"sql(
CREATE TABLE audit (
  writer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  principal TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (writer, seq)
) STRICT
)sql";
inline constexpr absl::string_view kTableOrigin = R"sql(
ALTER TABLE audit ADD COLUMN format INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN peer TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN outcome TEXT NOT NULL DEFAULT 'ok';
ALTER TABLE audit ADD COLUMN policy_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN trace_id TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_by_object ON audit (object, writer, seq);
CREATE INDEX audit_by_time ON audit (time, writer, seq);
CREATE TABLE audit_checkpoints (
  number INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  body BLOB NOT NULL,
  signature BLOB NOT NULL,
  chain BLOB NOT NULL
) STRICT
)sql";

// The chain of one process. Thread-safe as far as its connections are.
class Chain {
 public:
  // No two processes that run at once share a writer's name.
  explicit Chain(absl::string_view writer) : writer_(writer) {}

  // At entry.time or else `time`, which may be InfinitePast: then at the time of the entry before.
  // Texts are kept as Printable() makes them, `detail` up to 4 KiB, the others up to 512 bytes:
  // what callers and CAs say cannot break what shows it.
  absl::Status Append(sql::Connection& connection, const Entry& entry, absl::Time time) const;

  const std::string& writer() const { return writer_; }

 private:
  const std::string writer_;
};

// The last entries of all chains, by writer.
absl::StatusOr<std::vector<Head>> ReadHeads(sql::Connection& connection);

// Recomputes every chain from its first entry. DATA_LOSS (reason AUDIT_BROKEN) names the writer and
// the first entry that was altered, is missing or was put in between. Entries cut off a chain's end
// show only against a head that was kept elsewhere.
absl::StatusOr<std::vector<Head>> VerifyChains(sql::Connection& connection);

struct Filter {
  // Each empty: any.
  std::string writer;
  std::string principal;
  std::string action;  // with a "." at its end: all that begin with it
  std::string object;
  int64_t after_seq = 0;  // of `writer`
};

// Where a list goes on: behind this record.
struct Place {
  int64_t time = 0;  // Record::entry.time by common/sql/time_column.h
  std::string writer;
  int64_t seq = 0;
};

// Of one writer by seq; of several by time, then writer, then seq. From behind `from` on, or from
// the beginning if that is null.
absl::StatusOr<std::vector<Record>> List(sql::Connection& connection, const Filter& filter,
                                         bool oldest_first, const Place* from, int limit);

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_CHAIN_H_
