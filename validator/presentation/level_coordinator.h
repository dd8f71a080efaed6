#ifndef NORROY_VALIDATOR_PRESENTATION_LEVEL_COORDINATOR_H_
#define NORROY_VALIDATOR_PRESENTATION_LEVEL_COORDINATOR_H_

// The one Coordinator. Include coordinator.h; this is for its source files: coordinator.cc (what
// the issuer asks), coordinator_agents.cc (what goes to and comes from agents) and
// coordinator_others.cc (what other validators have stored).
//
// One lock guards all state. Under it a call changes the state and collects Effects; messages and
// answers go out when the lock is free. The store is written without the lock, one writer per
// presentation.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "validator/presentation/coordinator.h"
#include "validator/presentation/presentation.h"
#include "validator/presentation/waiters.h"
#include "validator/presentation/wish.h"

namespace norroy::validator {

// A tombstone stands at most that long.
inline constexpr absl::Duration kMaxTombstone = absl::Hours(24);

// A PutUp that was sent and not answered yet.
struct Unanswered {
  std::string id;
  int64_t generation;
  std::vector<size_t> proofs;
};

// One stream to one agent. Messages go out in the order of the outbox, by one thread at a time,
// without the coordinator's lock, which guards all else here.
struct Wire {
  std::shared_ptr<Link> link;
  std::deque<agent::v1::AttachResponse> outbox;
  bool draining = false;
  std::deque<Unanswered> unanswered;
};
using WirePtr = std::shared_ptr<Wire>;

struct Lease {
  Presentation presentation;
  // The earliest timer that will look at it again.
  std::optional<absl::Duration> timer;
};

struct Tombstone {
  int64_t generation = 0;
  absl::Time until;
  std::set<std::string> pending;  // agents that have not confirmed the TakeDown
};

// What a change leads to, carried out when the lock is free.
struct Effects {
  std::vector<WirePtr> wires;
  std::vector<std::pair<Coordinator::PresentDone, absl::StatusOr<v1::PresentResponse>>> answers;
};

class LevelCoordinator final : public Coordinator {
 public:
  explicit LevelCoordinator(const CoordinatorOptions& options) : options_(options) {
    MutexLock lock(&life_->mutex);
    life_->self = this;
  }
  ~LevelCoordinator() override;
  absl::Status Load();

  absl::StatusOr<v1::PlanResponse> Plan(const v1::PlanRequest& request) override;
  void Present(const v1::PresentRequest& request, PresentDone done) override;
  absl::Status Release(const v1::ReleaseRequest& request) override;
  void AgentAttached(const std::string& agent, const agent::v1::AgentHello& hello) override;
  void AgentDetached(const std::string& agent) override;
  void OnPutUpResult(const std::string& agent, const agent::v1::PutUpResult& result) override;
  void OnTakeDownResult(const std::string& agent, const agent::v1::TakeDownResult& result) override;
  void FleetChanged() override;
  absl::Status Compare() override;
  int PresentedAt(const std::string& agent) override;

 private:
  // Shared with the tasks of timers, which may outlive the coordinator.
  struct Life {
    Mutex mutex;
    LevelCoordinator* self ABSL_GUARDED_BY(mutex) = nullptr;
  };

  // Changes something with the lock held, and carries out what follows from it without.
  template <typename Change>
  void Do(Change change) ABSL_LOCKS_EXCLUDED(mutex_) {
    Effects effects;
    {
      MutexLock lock(&mutex_);
      change(effects);
    }
    CarryOut(std::move(effects));
  }
  void CarryOut(Effects effects) ABSL_LOCKS_EXCLUDED(mutex_);
  void Drain(const WirePtr& wire) ABSL_LOCKS_EXCLUDED(mutex_);
  void After(absl::Duration delay, std::function<void(LevelCoordinator&)> task);

  // One writer per id at a time: what is stored last is what is true.
  void Reserve(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unreserve(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Without the lock, for as long as the store takes.
  absl::Status Put(const StoredPresentation& stored) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Status Accept(const v1::PresentRequest& request, Wish wish, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // OK and true: it must be stored; false: it is what is wished already.
  absl::StatusOr<bool> Judge(const Wish& wish) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Apply(Wish wish, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Lease& Replace(Wish wish, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AnswerOrWait(const v1::PresentRequest& request, PresentDone done, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Bury(const std::string& id, int64_t generation, absl::Time until, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Entomb(const std::string& id, int64_t generation, absl::Time until, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What the store has under that id and is not kept here is released from whoever may serve it.
  // False: nothing is to be released, there is a higher generation.
  absl::StatusOr<bool> TakeUpToBury(const std::string& id, int64_t generation, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `agents` have it, and it is not known here.
  void AskAbout(const std::string& agent, const std::string& id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LookUpUnknown();
  void TakeUp(const StoredPresentation& stored, const std::set<std::string>& agents,
              Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeOver(const StoredPresentation& stored, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Wish> WishOf(const StoredPresentation& stored) const;

  void Route(Lease& lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sends what is due, sets the timer, answers those who wait.
  void Step(Lease& lease, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StepAll(Effects& effects, const std::function<bool(Lease&)>& concerned)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Has what agents may not answer for any more taken down from them.
  void RevokeUngranted(Lease& lease, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // To be used while `agent` lives.
  Presentation::MayAnswer MayAnswerOf(const std::string& agent);
  void SetTimer(Lease& lease, absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Post(const WirePtr& wire, agent::v1::AttachResponse message, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendTakeDown(const std::string& agent, const std::string& id, int64_t generation,
                    absl::Time until, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeDownReleased(const std::string& agent, const std::map<std::string, int64_t>& held,
                        Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wake(const std::string& id, const absl::StatusOr<v1::PresentResponse>& answer,
            const std::function<bool(const Waiter&)>& wanted, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void EndWait(const Waiters::Key& key);
  void EndLease(const std::string& id, int64_t generation);
  void EndTombstone(const std::string& id, int64_t generation);
  void Sweep();

  const CoordinatorOptions options_;
  const std::shared_ptr<Life> life_ = std::make_shared<Life>();

  Mutex mutex_;
  CondVar unreserved_;
  std::set<std::string> reserved_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Lease> leases_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Tombstone> tombstones_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, WirePtr> wires_ ABSL_GUARDED_BY(mutex_);  // of attached agents
  Waiters waiters_ ABSL_GUARDED_BY(mutex_);
  // What agents have and is not known here, by id: who. Looked up together.
  std::map<std::string, std::set<std::string>> unknown_ ABSL_GUARDED_BY(mutex_);
  bool looking_up_ ABSL_GUARDED_BY(mutex_) = false;
};

// FAILED_PRECONDITION, reason STALE_GENERATION.
absl::Status StaleGeneration(const std::string& id, int64_t known);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_PRESENTATION_LEVEL_COORDINATOR_H_
