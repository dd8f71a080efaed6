#ifndef NORROY_AGENT_JOURNAL_JOURNAL_H_
#define NORROY_AGENT_JOURNAL_JOURNAL_H_

// What an agent must know after a restart: the sealed proofs that are (or may be) up and where, and
// the presentations that were released. An append-only file of checksummed records, rewritten when
// it has grown; a torn last record is dropped, anything else that does not read is refused with the
// path (the agent then serves nothing until an operator looks).

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/journal/journal_state.h"

namespace norroy::agent {

// Not thread-safe. Each Note is on disk (fdatasync) when it returns.
class Journal {
 public:
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& path);
  virtual ~Journal() = default;

  // As read at Open, less what was noted down since.
  virtual const JournalState& state() const = 0;
  // Before the first proof of it is put up. Replaces an entry of the same id.
  virtual absl::Status NotePresented(const JournalPresentation& presentation) = 0;
  // Before a proof of a presentation that is noted (`proof`: its place there) is put up at a
  // further spot.
  virtual absl::Status NoteSpot(const std::string& id, size_t proof, const Spot& spot) = 0;
  // It was released, and taking it down is under way: the entry stays.
  virtual absl::Status NoteReleased(const Tombstone& tombstone) = 0;
  // After the last proof of it was taken down. `tombstone` may be null (the lease ended by itself:
  // the seals are expired anyway).
  virtual absl::Status NoteGone(const std::string& id, const Tombstone* tombstone) = 0;
  // Forgets tombstones whose time has passed.
  virtual absl::Status Sweep(absl::Time now) = 0;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_JOURNAL_JOURNAL_H_
