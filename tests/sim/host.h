#ifndef NORROY_TESTS_SIM_HOST_H_
#define NORROY_TESTS_SIM_HOST_H_

// A host with an agent: the real session with its journal (a real file) and seals, and a presenter
// that the world can look at. Its streams to the validators are simulated.

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/journal/journal.h"
#include "agent/presenter/memory_presenter.h"
#include "agent/session/session.h"
#include "common/challenge/seal.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "tests/sim/sim.h"

namespace norroy::sim {

class Validator;
class Host;

// One stream between an agent and a validator, for as long as neither it nor they end.
struct Stream {
  Host* host;
  Validator* validator;
  LifePtr agent_life;
  LifePtr validator_life;
  bool open = true;
  int64_t attachment = 0;
  // Messages of one direction arrive in their order.
  absl::Duration last_down = absl::ZeroDuration();
  absl::Duration last_up = absl::ZeroDuration();
};
using StreamPtr = std::shared_ptr<Stream>;

struct HostOptions {
  std::string name;
  challenge::ChallengeType type;
  std::vector<std::string> patterns;  // granted, and its scope
  // What it serves ends with its process, as a listener's does; files and TXT records stay.
  bool listener = false;
  std::string journal_path;
};

class Host {
 public:
  Host(Sim& sim, HostOptions options, const challenge::SealVerifier& seals,
       std::vector<Validator*> validators);
  ~Host();

  const HostOptions& options() const { return options_; }
  void Boot();
  void Kill(absl::string_view why, bool loses_all);
  bool alive() const { return life_ != nullptr && !life_->dead; }
  HostClock& clock() { return clock_; }
  Wire& wire(size_t validator) { return wires_[validator]; }
  // Breaks a stream; whoever lives notices.
  void Cut(const StreamPtr& stream, absl::Duration until_noticed);
  void CutAll(absl::string_view why);

  // From the validator: sends a message down its stream.
  void SendDown(const StreamPtr& stream, const agent::v1::AttachResponse& message);

  // The world's looks.
  bool Serves(const challenge::Proof& proof) { return presenter_.Look(proof) != ""; }
  bool HasServed(const std::string& token) const { return served_.contains(token); }
  int served() { return presenter_.size(); }
  // Of what is up, or may be.
  std::vector<std::string> journalled() const;
  bool attached(size_t validator) const;

 private:
  class Presenter;
  class FailingJournal;

  void TryAttach(size_t validator);
  void AttachLater(size_t validator);
  void OnMessage(const StreamPtr& stream, const agent::v1::AttachResponse& message);
  void Handle(const StreamPtr& stream, const agent::v1::AttachResponse& message);
  void SendUp(const StreamPtr& stream, const agent::v1::AttachRequest& message);

  Sim& sim_;
  const HostOptions options_;
  const challenge::SealVerifier& seals_;
  const std::vector<Validator*> validators_;
  std::vector<Wire> wires_;
  HostClock clock_;
  agent::MemoryPresenter presenter_;
  std::set<std::string> served_;  // tokens, ever

  // Of this life.
  LifePtr life_;
  std::unique_ptr<LifeTimers> timers_;
  std::unique_ptr<agent::Journal> journal_;
  std::unique_ptr<FailingJournal> failing_journal_;
  std::unique_ptr<Presenter> shown_;
  std::unique_ptr<agent::Session> session_;
  std::vector<StreamPtr> streams_;  // by validator; null: none
  int boots_ = 0;
  std::string handling_;  // the presentation of the message at hand
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_HOST_H_
