#ifndef NORROY_AGENT_JOURNAL_JOURNAL_STATE_H_
#define NORROY_AGENT_JOURNAL_JOURNAL_STATE_H_

// What a journal says. Values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "norroy/types/v1/proof.pb.h"

namespace norroy::agent {

// Where a proof is, or may be: at which presenter (Presenter::name) and where there
// (Presenter::Locate).
struct Spot {
  std::string presenter;
  std::string location;
  bool operator==(const Spot&) const = default;
};

struct JournalProof {
  types::v1::SealedProof sealed;  // exactly as received
  // Absent: an older agent wrote the journal, and did not say.
  std::optional<std::vector<Spot>> spots;
};

struct JournalPresentation {
  std::string id;
  int64_t generation = 0;
  std::vector<JournalProof> proofs;
};

struct Tombstone {
  std::string id;
  int64_t generation = 0;  // this and lower ones are refused
  absl::Time until;
};

struct JournalState {
  std::vector<JournalPresentation> presented;
  std::vector<Tombstone> tombstones;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_JOURNAL_JOURNAL_STATE_H_
