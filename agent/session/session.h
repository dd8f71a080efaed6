#ifndef NORROY_AGENT_SESSION_SESSION_H_
#define NORROY_AGENT_SESSION_SESSION_H_

// The agent's own mind: which sealed proofs it serves, until when, and what it tells a validator.
// One Session for all links (an agent may be attached to several validators). Knows nothing of
// gRPC: links hand messages in and get messages back.
//
// For each PutUp, before anything is served: the seal (bytes verified, then parsed), one id and
// generation for all its proofs, not released, not older than what is up, within its times, in the
// local scope, a presenter of that type. What fails is answered by name and not served; the other
// proofs of the message are. A lease ends at its seals' not_after whether or not a validator is
// there. Tombstones (released ids) and what is up where are in the journal, so that a restart
// leaves nothing stale and a replay after a restart is refused.
//
// Presenters that wait for others hold nobody up. A message whose presenters all return at once is
// done on the caller's thread; the others are done by a few threads, the proofs of a message side
// by side, the messages of one presentation in their order.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/journal/journal.h"
#include "agent/presenter/presenter.h"
#include "common/challenge/pattern.h"
#include "common/challenge/seal.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "norroy/agent/v1/agent_link_service.pb.h"

namespace norroy::agent {

// Messages that may wait in all; a PutUp over that is refused.
inline constexpr int kMaxQueuedMessages = 2000;
inline constexpr absl::Duration kStopTimeout = absl::Seconds(10);

struct SessionOptions {
  const challenge::SealVerifier& seals;
  std::vector<challenge::Pattern> scope;
  std::vector<Presenter*> presenters;  // in order of preference within a type
  Journal& journal;
  Clock& clock;
  Timers& timers;
  std::string version;
  std::string boot_id;
  absl::Duration stop_timeout = kStopTimeout;
};

// Thread-safe.
class Session {
 public:
  // Takes down what the journal says was up and is expired; puts up again what is still valid.
  // What presenters wait for goes on after it returned: a server that is dead keeps no agent from
  // attaching.
  static absl::StatusOr<std::unique_ptr<Session>> Start(const SessionOptions& options);
  // Waits for the presenters' calls that are under way, and takes nothing down. Nobody is in a call
  // of the session, and messages that are not answered yet will not be.
  virtual ~Session() = default;

  virtual agent::v1::AgentHello Hello() = 0;
  // `done` is called once: before this returns or later, on another thread. It must not block for
  // long.
  using PutUpDone = std::function<void(const agent::v1::PutUpResult& result)>;
  virtual void PutUp(const agent::v1::PutUp& message, PutUpDone done) = 0;
  using TakeDownDone = std::function<void(const agent::v1::TakeDownResult& result)>;
  virtual void TakeDown(const agent::v1::TakeDown& message, TakeDownDone done) = 0;
  // What was done since the process started.
  virtual agent::v1::AgentCounters Counters() = 0;
  // Presentations that are up now.
  virtual int presented() = 0;

  // Refuses from now on, waits for what is under way, for at most stop_timeout, and takes down what
  // presenters of this host serve. What is on other servers (Presenter::may_wait) stays: it
  // survives the process, validators count it as served, and another agent may have put up the
  // same. The journal keeps all that is within its lease, so that the next start puts it up again,
  // and what could not be taken down in time. Without it (a crash, the destructor) files stay
  // served. False: some presenter still waits.
  virtual bool Stop() = 0;

  // As above, and waits.
  agent::v1::PutUpResult PutUp(const agent::v1::PutUp& message);
  agent::v1::TakeDownResult TakeDown(const agent::v1::TakeDown& message);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_SESSION_H_
