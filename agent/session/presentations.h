#ifndef NORROY_AGENT_SESSION_PRESENTATIONS_H_
#define NORROY_AGENT_SESSION_PRESENTATIONS_H_

// What is up, by presentation and generation. Decides what to put up and take down and notes how
// that went, so that board, journal and memory agree: written down before it is served, and
// forgotten only when it is gone. Does nothing itself: between Plan and Note the caller has the
// Board do what was planned, at which nobody holds a lock. One caller at a time is between the two
// for one presentation.
//
// What could not be taken down is tried again after 30 s, then ever later, up to an hour. If it
// lies with a presenter that is not configured any more, a warning says so once an hour until 24 h
// after its seal's end; then it is forgotten. A presentation of which only such proofs are left is
// stuck, and so is a release that the journal could not take yet.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/journal/journal.h"
#include "agent/session/admission.h"
#include "agent/session/board.h"
#include "common/challenge/seal.h"
#include "common/clock/clock.h"
#include "norroy/agent/v1/agent_link_service.pb.h"

namespace norroy::agent {

// As many as a hello can list, besides those that are stuck.
inline constexpr int kMaxPresentations = 2000;
inline constexpr int kMaxStuck = 2000;
inline constexpr int kMaxTombstones = 10000;
// How often to look again while something is up: at a wall clock that was set, at what could not
// be taken down.
inline constexpr absl::Duration kSweepEvery = absl::Seconds(30);
inline constexpr absl::Duration kLongestRetry = absl::Hours(1);
// No seal lives longer (24 h, and 5 min of clock skew), so no tombstone need.
inline constexpr absl::Duration kMaxTombstone = absl::Minutes(24 * 60 + 5);
inline constexpr absl::Duration kForgetGoneAfter = absl::Hours(24);

// Not thread-safe.
class Presentations {
 public:
  // All outlive it.
  Presentations(Board& board, Journal& journal, Clock& clock)
      : board_(board), journal_(journal), clock_(clock) {}

  // To be put up: Board::Hold.
  struct ToPutUp {
    size_t proof = 0;  // place in the admission
    Board::Known known;
    bool locate = false;  // known are all spots of Board::Locate: an older agent did not say
  };
  // To be taken down: Board::Drop, or Board::Clear for what is only left somewhere.
  struct ToTakeDown {
    challenge::Proof proof;
    bool held = false;
    std::optional<std::vector<Spot>> spots;  // if not held
  };

  // What of the admission is not up yet; fills in the results of all else. The same generation
  // again adds to what is up; a higher one takes its place.
  std::vector<ToPutUp> PlanPutUp(Admission& admission);
  // `held`: beside `planned`. Fills in the results.
  void NotePutUp(Admission& admission, const std::vector<ToPutUp>& planned,
                 std::vector<Board::Held> held);
  // Board::NoteSpot for a proof of the presentation.
  absl::Status NoteSpot(const std::string& id, const types::v1::SealedProof& sealed,
                        const Spot& spot);

  // From now on the presentation is refused up to and including this generation, until then at
  // least. False: nothing of it is to be taken down.
  absl::StatusOr<bool> Release(const std::string& id, int64_t generation, absl::Time until);

  // What has ended, is replaced or released, or is left over; unless `all`, only that whose time to
  // be tried (again) has come.
  std::vector<ToTakeDown> PlanTakeDown(const std::string& id, bool all = false);
  // `down`: beside `planned`. Forgets the presentation if nothing is left. The error says what is.
  absl::Status NoteTakenDown(const std::string& id, const std::vector<ToTakeDown>& planned,
                             const std::vector<Board::Down>& down);

  // Before the process ends: what is up by presenters whose calls do not wait. What the others put
  // up on other servers stays there; it is in the journal, and the next start or the end of its
  // lease sees to it. So does the journal keep all that is within its lease.
  std::vector<ToTakeDown> PlanStop(const std::string& id);
  void NoteStopped(const std::string& id, const std::vector<ToTakeDown>& planned,
                   const std::vector<Board::Down>& down);

  // At the start: what the journal says was up, by presentation; tombstones are taken over.
  std::vector<std::string> Load();
  // Of such a one: what is admitted now, as one message; the rest is for PlanTakeDown.
  using Admitter = std::function<Admission(const v1::PutUp& message)>;
  Admission PlanRecovery(const std::string& id, const Admitter& admit,
                         std::vector<ToPutUp>& planned);

  // After NotePutUp of these.
  void NoteRecovered(const Admission& admission);

  // Presentations of which something has to be taken down by now. Forgets old tombstones.
  std::vector<std::string> Sweep();
  // How long until Sweep has something to do; infinite if nothing is up or remembered.
  absl::Duration UntilSweep() const;

  std::vector<std::string> ids() const;
  // What is up now.
  std::vector<v1::Presented> list() const;

 private:
  // A proof that is up, or one of which something may be left.
  struct Held {
    challenge::Proof proof;
    types::v1::SealedProof sealed = {};
    int64_t generation = 0;
    // When the lease ends, as the seal says it, and by the clock that it is measured with from when
    // the seal was judged on: no setting of the wall clock prolongs it or cuts it short while the
    // CA looks.
    absl::Time end = absl::InfinitePast();
    absl::Duration monotonic_end = absl::ZeroDuration();
    bool up = false;
    // If not up. Absent: an older agent did not write it down.
    std::optional<std::vector<Spot>> spots = {};
    // Of taking it down.
    int failures = 0;
    absl::Duration next_try = absl::ZeroDuration();
  };
  struct Presentation {
    int64_t generation = 0;
    bool released = false;  // what is left of it could not be taken down yet
    bool release_noted = false;
    bool whole = true;  // all that the journal said was put up again
    std::vector<Held> proofs;
  };
  struct Refusal {
    absl::string_view reason;
    std::string detail;
  };

  Refusal WhyNot(const Admission& admission) const;
  bool IsStuck(const Presentation& presentation) const;
  // An empty reason: there is room for one more.
  Refusal WhyFull() const;
  JournalProof ToJournal(const Held& held) const;
  JournalPresentation EntryOf(const std::string& id, const Presentation& presentation) const;
  absl::Status NoteBefore(const Admission& admission, const Presentation& presentation,
                          const std::vector<ToPutUp>& planned);
  void NoteAfter(const std::string& id);
  absl::Status NoteReleased(const std::string& id);
  void Renew(const JudgedProof& proof, Held& held);
  void NoteFailedPutUp(const JudgedProof& proof, std::vector<Spot> left,
                       Presentation& presentation);
  bool NoteDown(const std::string& id, const Board::Down& down, Held& held);
  bool IsDue(const Presentation& presentation, const Held& held) const;
  void RecoverProof(const std::string& id, const JournalProof& proof, const Admitter& admit,
                    Admission& all, std::vector<ToPutUp>& planned);
  bool Ended(const Held& held) const;
  void FindNextEnd();

  Board& board_;
  Journal& journal_;
  Clock& clock_;
  std::map<std::string, Presentation> presentations_;
  std::map<std::string, Tombstone> tombstones_;
  // No lease ends before, by the monotonic clock, and no tombstone.
  absl::Duration next_lease_end_ = absl::InfiniteDuration();
  absl::Time next_tombstone_end_ = absl::InfiniteFuture();
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_PRESENTATIONS_H_
