#ifndef NORROY_VALIDATOR_AGENTS_REGISTRY_H_
#define NORROY_VALIDATOR_AGENTS_REGISTRY_H_

// The fleet in memory: every agent of the store with its grants, and the links of those that are
// attached. Routing reads this, never the database.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/identity/identity.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "validator/agents/agent.h"
#include "validator/store/store.h"

namespace norroy::validator {

// The sending end of one agent's stream. Thread-safe; never blocks.
class Link {
 public:
  virtual ~Link() = default;
  // False: the queue (1 MiB, 1000 messages) is full or the link is closed; it is being closed
  // then, and the agent will attach anew and be sent what is wished.
  virtual bool Send(const agent::v1::AttachResponse& message) = 0;
  // Ends the stream with this status; for good after a grace of 2 s even if the peer does not read.
  virtual void Close(const absl::Status& why) = 0;
};

// An agent that may answer for a name by a type.
struct Candidate {
  std::string agent;
  Responders responders = Responders::kAll;
  bool attached = false;
  int preference = 0;  // the type's place in the grant
};

// Thread-safe.
class Registry {
 public:
  static absl::StatusOr<std::unique_ptr<Registry>> Load(Store& store);
  virtual ~Registry() = default;

  // Reads the agent from the store again after a change there. Closes its link if it was removed,
  // banned or re-enrolled.
  virtual absl::Status Reload(absl::string_view name) = 0;

  // OK for an agent's identity if it is of its present enrollment, for a bootstrap identity unless
  // its name is banned (what its token is worth is looked at when it is used); else
  // PERMISSION_DENIED (reason AGENT_BANNED, AGENT_REMOVED). Asked per call and every 2 s per
  // stream.
  virtual absl::Status Admit(const identity::Identity& identity) = 0;

  // The newest link of an agent counts; an older one is closed. Returns a number for Detach.
  virtual int64_t Attach(const std::string& agent, std::shared_ptr<Link> link) = 0;
  // False: a newer link has taken its place.
  virtual bool Detach(const std::string& agent, int64_t attachment) = 0;
  virtual bool IsAttached(const std::string& agent) = 0;
  // False: not attached, or the link did not take it.
  virtual bool Send(const std::string& agent, const agent::v1::AttachResponse& message) = 0;
  // The newest link; null if the agent is not attached.
  virtual std::shared_ptr<Link> LinkOf(const std::string& agent) = 0;
  // The number that Attach gave is the newest's: what this link says counts.
  virtual bool IsCurrent(const std::string& agent, int64_t attachment) = 0;

  // What the agent said at its hello, and what it has counted: of the process that is attached, or
  // was last. Agents that are not known have none.
  virtual void NoteReport(const std::string& agent, const AgentReport& report) = 0;
  virtual void NoteCounts(const std::string& agent, const AgentCounts& counts) = 0;
  virtual AgentCounts CountsOf(const std::string& agent) = 0;
  // By how much its clock was ahead of ours at its last hello.
  virtual absl::Duration ClockOffset(const std::string& agent) = 0;

  // Enrolled, undrained agents that are not banned, with a grant for the name, by type; sorted by
  // preference, then name.
  virtual std::vector<std::pair<challenge::ChallengeType, Candidate>> CandidatesFor(
      const challenge::Name& name) = 0;

  // Does a grant let the agent answer for the name by this type, drained or not? Not if it is
  // removed or banned.
  virtual bool MayAnswer(const std::string& agent, const challenge::Name& name,
                         challenge::ChallengeType type) = 0;

  virtual std::vector<Agent> agents() = 0;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_REGISTRY_H_
