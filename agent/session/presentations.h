#ifndef NORROY_AGENT_SESSION_PRESENTATIONS_H_
#define NORROY_AGENT_SESSION_PRESENTATIONS_H_

// What is up, by presentation and generation: puts proofs up and takes them down so that board,
// journal and memory agree. Written down before it is served, and forgotten only when it is gone.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/journal/journal.h"
#include "agent/session/admission.h"
#include "agent/session/board.h"
#include "common/challenge/pattern.h"
#include "common/challenge/seal.h"
#include "common/clock/clock.h"
#include "norroy/agent/v1/agent_link_service.pb.h"

namespace norroy::agent {

// As many as a hello can list.
inline constexpr int kMaxPresentations = 2000;
inline constexpr int kMaxTombstones = 10000;
// How often to look again while something is up: at a wall clock that was set, at what could not
// be taken down.
inline constexpr absl::Duration kSweepEvery = absl::Seconds(30);
// No seal lives longer (24 h, and 5 min of clock skew), so no tombstone need.
inline constexpr absl::Duration kMaxTombstone = absl::Minutes(24 * 60 + 5);

// Not thread-safe.
class Presentations {
 public:
  Presentations(std::vector<Presenter*> presenters, Journal& journal, Clock& clock)
      : board_(std::move(presenters)), journal_(journal), clock_(clock) {}

  // Of what the journal says was up: puts up again what is admitted now, takes down the rest.
  using Admitter = std::function<Admission(const v1::PutUp& message)>;
  void Recover(const Admitter& admit);

  // Serves what was admitted, and fills in its results. The same generation again adds to what is
  // up; a higher one takes its place.
  void Put(Admission& admission);

  // Takes down the presentation up to and including this generation, and refuses it until then at
  // least. An error says what is left; that is tried again at each Sweep.
  absl::Status Release(const std::string& id, int64_t generation, absl::Time until);

  // Ends the leases whose time has come, and tries again what could not be taken down.
  void Sweep();
  // How long until Sweep has something to do; infinite if nothing is up or remembered.
  absl::Duration UntilSweep() const;

  // Takes everything down and writes nothing.
  void TakeAllDown();

  // What is up now.
  std::vector<v1::Presented> list() const;

 private:
  // A proof that is up.
  struct Held {
    challenge::Proof proof;
    types::v1::SealedProof sealed;
    int64_t generation;
    // The lease ends at whichever comes first: no setting of the wall clock prolongs it.
    absl::Time end;
    absl::Duration monotonic_end;
  };
  struct Presentation {
    int64_t generation = 0;
    bool released = false;  // what is left of it could not be taken down yet
    std::vector<Held> proofs;
  };
  struct Refusal {
    absl::string_view reason;
    std::string detail;
  };

  Refusal WhyNot(const Admission& admission) const;
  absl::Status NoteBefore(const Admission& admission, const Presentation& presentation);
  void Hold(JudgedProof& proof, Presentation& presentation);
  void DropOlder(const std::string& id, Presentation& presentation);
  void NoteAfter(const std::string& id);
  absl::Status DropAll(Presentation& presentation);
  absl::Status NoteReleased(const std::string& id);
  void RecoverOne(const JournalPresentation& entry, const Admitter& admit);
  void SweepLeftovers();
  void SweepTombstones();
  void FindNextEnd();
  bool Ended(const Held& held) const;

  Board board_;
  Journal& journal_;
  Clock& clock_;
  std::map<std::string, Presentation> presentations_;
  std::map<std::string, Tombstone> tombstones_;
  // Of an earlier process, and not yet gone.
  std::vector<challenge::Proof> leftovers_;
  // No lease or tombstone ends before.
  absl::Time next_end_ = absl::InfiniteFuture();
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_PRESENTATIONS_H_
