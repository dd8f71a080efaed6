#ifndef NORROY_ISSUER_SOLVER_SOLVER_H_
#define NORROY_ISSUER_SOLVER_SOLVER_H_

// Whoever gets challenges answered. The real one is a validator with its agents
// (validator_solver.h); tests use FakeSolver. Every implementation passes solver_contract.h.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/challenge/proof.h"
#include "norroy/types/v1/proof.pb.h"
#include "norroy/types/v1/view.pb.h"

namespace norroy::solver {

// Who would answer for one name, by one type.
struct TypePlan {
  challenge::ChallengeType type;
  std::vector<std::string> agents;   // would answer now
  std::vector<std::string> missing;  // must answer too, and are not attached
};

struct NamePlan {
  challenge::Name name;
  std::vector<TypePlan> types;  // in order of preference; empty: nobody may answer
};

enum class PresentationState { kPuttingUp, kReady, kFailed, kReleased };

struct PresentedName {
  challenge::Name name;
  std::optional<challenge::ChallengeType> type;  // served, or being put up
  PresentationState state = PresentationState::kPuttingUp;
  std::vector<std::string> agents;   // acked
  std::vector<std::string> missing;  // not yet
  std::string error;
  std::string error_reason;  // "OUT_OF_SCOPE"; empty where agents did not answer
};

struct PresentationStatus {
  PresentationState state = PresentationState::kPuttingUp;  // the worst of its names
  std::vector<PresentedName> names;
  // Another one: something changed in between (an agent came back, another one serves).
  int64_t revision = 0;
};

struct FailedType {
  challenge::Name name;
  challenge::ChallengeType type;
};

// One order's sealed proofs.
struct Presentation {
  std::string id;          // the order's
  int64_t generation = 1;  // higher renews the lease
  absl::Time not_after;    // of the seals
  std::vector<types::v1::SealedProof> proofs;
  std::vector<FailedType> failed_types;
};

// What one viewpoint saw of one name's proof.
struct NameView {
  challenge::Name name;
  challenge::ChallengeType type;
  types::v1::View view;
};

// What the viewpoints are to look at.
struct LookOrder {
  std::string id;  // of the presentation that is READY
  int64_t generation = 1;
  int64_t round = 1;                        // higher: look again
  std::vector<challenge::Proof> proofs;     // 1 to 100, of a type that is being served each
  std::vector<std::string> caa_identities;  // of the CA; may be empty
  std::string account_uri;
};

// A name's dns-persist-01 record, as it should be.
struct PersistLook {
  std::string name;   // "example.com"; no wildcard
  std::string value;  // of the TXT record at _validation-persist.<name>
  bool wildcard = false;
};

// Thread-safe.
class Solver {
 public:
  using PersistDone = std::function<void(const std::vector<types::v1::View>&)>;

  virtual ~Solver() = default;

  // Who would answer. In the order of `names`. MAY block up to 10 s; UNAVAILABLE if no validator
  // can be asked.
  virtual absl::StatusOr<std::vector<NamePlan>> Plan(const std::vector<challenge::Name>& names) = 0;

  // Those of `names` for which nobody may answer, attached or not, as all validators say it.
  // UNAVAILABLE unless every one of them answered: not to know is no answer. MAY block up to 10 s.
  virtual absl::StatusOr<std::vector<challenge::Name>> Unanswerable(
      const std::vector<challenge::Name>& names) = 0;

  // States the wish and returns what is known now; MUST NOT wait for agents. Calling it again with
  // the same id and generation is the poll and MUST NOT repeat anything visible. When what is
  // known changes, the function given to OnChange is called with the id. An error means that
  // nothing is known: UNAVAILABLE may be repeated.
  virtual absl::StatusOr<PresentationStatus> Present(const Presentation& presentation) = 0;

  // Asks anew how a presentation is that was READY, which Present does not. Returns at once: unset
  // until that is known or 5 s have passed, then the function given to OnChange is called with the
  // id and the next call returns the answer, once. An error means that nothing is known.
  virtual absl::StatusOr<std::optional<PresentationStatus>> Recheck(const std::string& id,
                                                                    int64_t generation) = 0;

  // Takes the proofs down, at the latest when their lease ends. Idempotent. Implementations SHOULD
  // return at once and go on trying on their own; an error is for the log.
  virtual absl::Status Release(const std::string& id, int64_t generation,
                               absl::Time tombstone_until) = 0;

  // Lets every viewpoint look at these proofs as the CA will. Returns at once: unset until each has
  // answered or 15 s have passed, then the function given to OnChange is called with the id, and
  // the same order returns what was seen. A viewpoint that cannot be asked gives views of verdict
  // UNKNOWN that say why. A higher round (or generation) of an id forgets the lower ones; Release
  // forgets all.
  virtual absl::StatusOr<std::optional<std::vector<NameView>>> Look(const LookOrder& order) = 0;

  // Lets every viewpoint look once, now, at what is published, and calls `done` once: when each has
  // answered or 15 s have passed, from any thread, maybe inside this call, without locks held. A
  // viewpoint that cannot be asked gives a view of verdict UNKNOWN that says why.
  virtual void LookPersist(const PersistLook& look, const PersistDone& done) = 0;

  // Called from any thread, without locks held. Set once, before the first Present.
  virtual void OnChange(std::function<void(const std::string& id)> changed) = 0;
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_SOLVER_H_
