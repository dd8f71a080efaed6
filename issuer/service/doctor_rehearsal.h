#ifndef NORROY_ISSUER_SERVICE_DOCTOR_REHEARSAL_H_
#define NORROY_ISSUER_SERVICE_DOCTOR_REHEARSAL_H_

// One rehearsal under way: random proofs, sealed as rehearsals, are put up, looked at from every
// viewpoint until nothing changes by itself any more, and taken down again. Nobody waits: a timer
// asks the solver how things stand, as often as things move.
//
//   parts:  putting up --> ready --> looking --> settled (released)
//                 \          ^----- WAIT ---/       ^
//                  \-- refused, missing, too late --/
//
// Each part is a presentation of its own, so that a name that fails holds up no other; parts that
// are ready at the same time are looked at together. However the rehearsal ends, each presentation
// is released; the lease of 2 min in the seals is the last resort.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/sync/mutex.h"
#include "issuer/service/doctor_findings.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/solver.h"
#include "norroy/issuer/v1/doctor_service.pb.h"

namespace norroy::service {

// From the call's beginning: its end, and the last beginning of a look.
inline constexpr absl::Duration kRehearsalTime = absl::Seconds(85);
inline constexpr absl::Duration kLookTime = absl::Seconds(60);
// Agents that write to DNS may take a minute.
inline constexpr absl::Duration kPutUpTime = absl::Seconds(65);
// A validator that was there for the plan comes back, or does not.
inline constexpr absl::Duration kUnreachableTime = absl::Seconds(5);
// How long looks wait for word of the CA.
inline constexpr absl::Duration kCaTime = absl::Seconds(10);
inline constexpr absl::Duration kRehearsalLease = absl::Minutes(2);

// What CAA records are judged by, and what was found on the way.
struct CaFacts {
  std::vector<std::string> identities;
  std::string account_url;
  std::vector<types::v1::Finding> findings;
};

// Thread-safe.
class Rehearsal : public std::enable_shared_from_this<Rehearsal> {
 public:
  // Called once, from any thread, without locks held.
  using Done = std::function<void(absl::StatusOr<issuer::v1::RehearseResponse>)>;

  // The references outlive the rehearsal's end. Times are of the monotonic clock.
  struct Options {
    solver::Solver& solver;
    const solver::Sealer& sealer;
    Timers& timers;
    Clock& clock;
    crypto::Random& random;
    std::string ca;
    absl::Duration began;
    absl::Duration end;  // it answers by then, with what it knows
  };
  explicit Rehearsal(Options options, Done done) : o_(std::move(options)), done_(std::move(done)) {}

  // Before Start, in the order of the answer: what is to be rehearsed, and what cannot be.
  absl::Status Add(const challenge::Name& name, challenge::ChallengeType type);
  void AddFinding(const challenge::Name& name, std::optional<challenge::ChallengeType> type,
                  const types::v1::Finding& finding);
  int parts() const;

  void Start();
  // Looks wait for this, kCaTime long.
  void SetCa(CaFacts facts);
  // Ends it now: everything is released, `done` gets CANCELLED. May come at any time, repeatedly.
  void Cancel();

 private:
  enum class State { kPuttingUp, kReady, kLooking, kSettled };
  struct Part {
    issuer::v1::Rehearsal result;
    std::optional<challenge::Proof> proof;  // unset: there is nothing to put up
    solver::Presentation presentation;
    State state = State::kSettled;
    std::optional<solver::PresentedName> presented;        // as last heard
    std::optional<absl::Duration> unreachable;             // since when
    absl::Duration due = absl::ZeroDuration();             // kReady: look then
    types::v1::Verdict verdict = types::v1::VERDICT_PASS;  // of the views
  };
  // Parts that are being looked at together.
  struct Look {
    solver::LookOrder order;
    std::vector<size_t> parts;
  };

  void Tick();
  void Schedule(bool changed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True: something changed.
  bool PollPart(Part& part, absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeStatus(Part& part, const solver::PresentationStatus& status, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeFailure(Part& part, const absl::Status& why, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool PollLooks(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeViews(Part& part, const std::vector<solver::NameView>& views, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool StartLook(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayLook(absl::Duration now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Settle(Part& part) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SettleWith(Part& part, const types::v1::Finding& finding)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SettleLate(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AllSettled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The end: the answer, and whom to give it to.
  issuer::v1::RehearseResponse Answer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Done End() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options o_;
  mutable Mutex mutex_;
  Done done_ ABSL_GUARDED_BY(mutex_);  // null once ended
  std::vector<Part> parts_ ABSL_GUARDED_BY(mutex_);
  std::vector<Look> looks_ ABSL_GUARDED_BY(mutex_);
  std::optional<CaFacts> ca_ ABSL_GUARDED_BY(mutex_);
  int64_t last_round_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration delay_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_DOCTOR_REHEARSAL_H_
