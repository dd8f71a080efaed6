#ifndef NORROY_AGENT_SESSION_BOARD_H_
#define NORROY_AGENT_SESSION_BOARD_H_

// The presenters taken together: puts a proof up by the first presenter of its type that manages,
// and takes it down when nobody holds it any more (two orders may wait for one authorization, so
// two presentations may hold one proof). Counts what they did.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/journal/journal.h"
#include "agent/presenter/presenter.h"
#include "common/challenge/proof.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.pb.h"

namespace norroy::agent {

// Reasons of errors. Each presenter of the type says that the proof belongs elsewhere:
inline constexpr char kForeignZone[] = "FOREIGN_ZONE";
// Or they agree on why its name leads nowhere: CNAME_LOOP, CNAME_TOO_LONG (common/dns/alias.h),
// DNSSEC_BOGUS (common/dns/resolver.h).
bool IsDelegationReason(absl::string_view reason);
// What is left cannot be taken down by any presenter that is configured:
inline constexpr char kPresenterGone[] = "PRESENTER_GONE";

// Some presenter is made for this proof.
bool Supports(const std::vector<Presenter*>& presenters, const challenge::Proof& proof);

// Thread-safe. Hold, Drop and Clear wait as presenters do, and for each other where they are about
// the same proof; calls about different proofs run side by side. Holders must balance: one Drop for
// each Hold that was OK.
class Board {
 public:
  // In order of preference within a type. All outlive the board.
  Board(std::vector<Presenter*> presenters, Clock& clock);

  // Whether a call about a proof of this type may wait.
  bool MayWait(challenge::ChallengeType type) const;
  // Where Hold will put it first, if that is known without waiting.
  std::vector<Spot> FirstSpot(const challenge::Proof& proof) const;

  // What is known of a proof before Hold.
  struct Known {
    std::vector<Spot> spots;  // written down already; tried first
    bool may_be_up = false;   // an earlier process, or a call that failed, may have left it there
  };
  // Writes a spot down; called before the proof is put up there.
  using NoteSpot = std::function<absl::Status(const Spot& spot)>;
  struct Held {
    absl::StatusOr<std::string> place;
    std::vector<Spot> left;  // after an error: where something of it may be all the same
  };
  // Puts it up unless it is. Errors say what each presenter said; reason FOREIGN_ZONE or none.
  Held Hold(const challenge::Proof& proof, const Known& known, const NoteSpot& note);
  // Where a held proof is served, for people.
  std::string PlaceOf(const challenge::Proof& proof) const;
  // Where it is (or may be) now.
  std::vector<Spot> SpotsOf(const challenge::Proof& proof) const;
  struct Down {
    absl::Status status;
    std::vector<Spot> left;  // after an error: where it may be still
  };
  // Takes it down if nobody else holds it. After an error it is still held; after PRESENTER_GONE it
  // is not, and only a spot without a presenter is left.
  Down Drop(const challenge::Proof& proof);
  // Takes down, exactly at these spots, what may be left there, unless it is held. `spots` absent
  // (nobody wrote it down): wherever the presenters of its type find it. Reason PRESENTER_GONE: a
  // presenter of the spots is not configured any more, or none knows where the proof belongs; the
  // presenters of its type were asked all the same.
  Down Clear(const challenge::Proof& proof, const std::optional<std::vector<Spot>>& spots);
  // All spots that the presenters of its type know for it.
  std::vector<Spot> Locate(const challenge::Proof& proof) const;

  // By presenter, in order.
  std::vector<v1::PresenterCounters> counters() const;

 private:
  struct Up {
    int holders = 0;
    bool busy = false;  // some thread is putting it up or taking it down
    std::string place;
    std::vector<Spot> spots;
  };
  struct Count {
    int64_t put_up = 0, taken_down = 0, failed = 0;
    std::string last_error;
    absl::Time last_error_time;
  };

  Presenter* Find(absl::string_view name) const;
  Up& Seize(const std::string& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Free(Up& up) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Held Share(const challenge::Proof& proof, const std::vector<Spot>& spots, const Known& known,
             const NoteSpot& note);
  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof, const Known& known,
                                    const NoteSpot& note, std::vector<Spot>& touched);
  absl::StatusOr<std::string> PutUpAt(Presenter& presenter, const challenge::Proof& proof,
                                      const std::string& location);
  absl::Status TakeDownAt(Presenter& presenter, const challenge::Proof& proof,
                          const std::string& location);
  Down TakeDown(const challenge::Proof& proof, const std::vector<Spot>& spots);
  absl::Status TakeDown(const challenge::Proof& proof, const Spot& spot);
  absl::Status TakeDownAnywhere(const challenge::Proof& proof);
  void CountResult(const Presenter& presenter, int64_t Count::*good, const absl::Status& status);

  const std::vector<Presenter*> presenters_;
  Clock& clock_;
  mutable Mutex mutex_;
  CondVar freed_;
  std::map<std::string, Up> up_ ABSL_GUARDED_BY(mutex_);
  std::map<const Presenter*, Count> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_BOARD_H_
