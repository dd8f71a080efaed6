#ifndef NORROY_VALIDATOR_PRESENTATION_COORDINATOR_H_
#define NORROY_VALIDATOR_PRESENTATION_COORDINATOR_H_

// Brings sealed proofs to the agents that answer for their names, and knows when the CA may be
// told. Level-triggered: it keeps what is wished (from the issuer, stored) and what is true (from
// the agents, never stored) and sends the difference. Knows nothing of gRPC.
//
// Several validators may work on one store, with agents that are attached to all of them. The store
// is what they have in common: a coordinator keeps what it was asked for itself, and looks there
// when it comes across something else (an agent reports it, the issuer releases it), and Compare
// finds what another one has released or renewed.
//
// What is taken down from an agent is what was released, never what is merely not known: that may
// be another validator's, with a database of its own, and ends by its lease in any case.
//
// Per name it takes the first type, in the order of the name's grants, that a proof was sealed for
// and that is not among failed_types. Under responders ALL every enrolled, undrained agent with a
// grant for the name and type must ack; under ONE they are tried in order. A missing ack fails the
// name 10 s after the wish came, by the agent's name; 75 s after an attached agent was asked for
// DNS. An agent's refusal fails it at once.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "norroy/validator/v1/presentation_service.pb.h"
#include "validator/agents/registry.h"
#include "validator/store/store.h"

namespace norroy::validator {

inline constexpr absl::Duration kAckTimeout = absl::Seconds(10);
// Of an agent that was asked to write to DNS: its presenters may take 60 s.
inline constexpr absl::Duration kDnsAckTimeout = absl::Seconds(75);
inline constexpr absl::Duration kPresentHold = absl::Seconds(20);

struct CoordinatorOptions {
  Store& store;
  Registry& registry;
  Clock& clock;
  Timers& timers;
  std::string deployment;
};

// Thread-safe. Answers and messages go out without locks held.
class Coordinator {
 public:
  // Loads the stored presentations.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Start(const CoordinatorOptions& options);
  virtual ~Coordinator() = default;

  virtual absl::StatusOr<validator::v1::PlanResponse> Plan(
      const validator::v1::PlanRequest& request) = 0;

  // Answers at once, or (request.wait) when the revision has passed known_revision or after
  // kPresentHold. `done` is called exactly once, on any thread.
  using PresentDone = std::function<void(absl::StatusOr<validator::v1::PresentResponse>)>;
  virtual void Present(const validator::v1::PresentRequest& request, PresentDone done) = 0;

  virtual absl::Status Release(const validator::v1::ReleaseRequest& request) = 0;

  // From the links, through the registry. Attached: sends PutUp for what is wished and not
  // reported, TakeDown for what is reported and was released.
  virtual void AgentAttached(const std::string& agent, const agent::v1::AgentHello& hello) = 0;
  virtual void AgentDetached(const std::string& agent) = 0;
  virtual void OnPutUpResult(const std::string& agent, const agent::v1::PutUpResult& result) = 0;
  virtual void OnTakeDownResult(const std::string& agent,
                                const agent::v1::TakeDownResult& result) = 0;
  // Grants, drains or removals changed.
  virtual void FleetChanged() = 0;

  // Compares what is kept here with the store: takes back what another validator has released, and
  // forgets what one has renewed. Blocks for as long as the store takes.
  virtual absl::Status Compare() = 0;

  // How many presentations the agent serves, as far as its acks say.
  virtual int PresentedAt(const std::string& agent) = 0;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_PRESENTATION_COORDINATOR_H_
