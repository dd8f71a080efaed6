#ifndef NORROY_AGENT_JOURNAL_REPLAY_H_
#define NORROY_AGENT_JOURNAL_REPLAY_H_

// A journal's bytes and what they say: records (record.proto) in frames (frame.h). Pure.

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/journal/journal_state.h"
#include "agent/journal/record.pb.h"

namespace norroy::agent {

// Of one proof; each presenter has one.
inline constexpr size_t kMaxSpots = 256;

journal::Record PresentedRecord(const JournalPresentation& presentation);
journal::Record PlacedRecord(const std::string& id, size_t proof, const Spot& spot);
// `tombstone` may be null.
journal::Record GoneRecord(const std::string& id, const Tombstone* tombstone);

// What a record does to the state. DATA_LOSS if it cannot follow what was before.
absl::Status Apply(const journal::Record& record, JournalState& state);

// A whole file that says the same.
std::string LiveBytes(const JournalState& state);

struct JournalBytes {
  JournalState state;
  size_t good_bytes = 0;  // up to here; beyond it a torn record
};
// DATA_LOSS for what is damaged.
absl::StatusOr<JournalBytes> ReadJournal(absl::string_view bytes);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_JOURNAL_REPLAY_H_
