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
// there. Tombstones (released ids) and what is up are in the journal, so that a restart leaves
// nothing stale and a replay after a restart is refused.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/journal/journal.h"
#include "agent/presenter/presenter.h"
#include "common/challenge/pattern.h"
#include "common/challenge/seal.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "norroy/agent/v1/agent_link_service.pb.h"

namespace norroy::agent {

struct SessionOptions {
  const challenge::SealVerifier& seals;
  std::vector<challenge::Pattern> scope;
  std::vector<Presenter*> presenters;  // in order of preference within a type
  Journal& journal;
  Clock& clock;
  Timers& timers;
  std::string version;
  std::string boot_id;
};

// Thread-safe.
class Session {
 public:
  // Takes down what the journal says was up and is expired; puts up again what is still valid.
  static absl::StatusOr<std::unique_ptr<Session>> Start(const SessionOptions& options);
  virtual ~Session() = default;

  virtual agent::v1::AgentHello Hello() = 0;
  virtual agent::v1::PutUpResult PutUp(const agent::v1::PutUp& message) = 0;
  virtual agent::v1::TakeDownResult TakeDown(const agent::v1::TakeDown& message) = 0;
  // Presentations that are up now.
  virtual int presented() = 0;

  // Takes everything down and refuses from now on; the journal keeps what is still within its
  // lease, so that the next start puts it up again. Without it (a crash, the destructor) files
  // stay served.
  virtual void Stop() = 0;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_SESSION_H_
