#ifndef NORROY_VALIDATOR_SERVICE_AGENT_LINK_SERVICE_H_
#define NORROY_VALIDATOR_SERVICE_AGENT_LINK_SERVICE_H_

// norroy.agent.v1.AgentLinkService: agents attach, say hello, and are led to the coordinator.
//
// A stream begins with the agent's hello (within 10 s); the newest stream of an agent counts; who
// it is, is looked at again every 2 s. Two processes that take the stream from one another in turns
// are noted: an identity that was copied.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/audit/entry.h"
#include "common/clock/timers.h"
#include "common/rpc/handler.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.grpc.pb.h"
#include "validator/agents/audit_budget.h"
#include "validator/agents/duplicates.h"
#include "validator/agents/registry.h"
#include "validator/presentation/coordinator.h"
#include "validator/service/agent_stream.h"
#include "validator/store/store.h"

namespace norroy::validator {

inline constexpr absl::Duration kHelloTimeout = absl::Seconds(10);
inline constexpr absl::Duration kAdmitInterval = absl::Seconds(2);
inline constexpr size_t kMaxStreams = 10000;

// All outlive the service.
struct AgentLinkOptions {
  const rpc::HandlerEnv& env;
  Store& store;
  Registry& registry;
  Coordinator& coordinator;
  Timers& timers;
  std::string version;
  // Which core roots follow which, in DER, as ValidatorHello.core_roots has it; may be null. Asked
  // at each hello and every 2 s: agents are told again when it changes.
  std::function<std::shared_ptr<const std::vector<std::string>>()> core_roots = nullptr;
};

class AgentLinkService final : public agent::v1::AgentLinkService::CallbackService {
 public:
  explicit AgentLinkService(AgentLinkOptions options) : options_(std::move(options)) {}
  // After the server has stopped.
  ~AgentLinkService() override;

  grpc::ServerBidiReactor<agent::v1::AttachRequest, agent::v1::AttachResponse>* Attach(
      grpc::CallbackServerContext* context) override;

  // No new streams; closes those that are there and waits until they are done, by force after
  // `grace`.
  void Stop(absl::Duration grace);

 private:
  // One attached agent, or one that will be after its hello.
  struct Session {
    std::shared_ptr<AgentStream> stream;
    rpc::Caller caller;
    bool greeted = false;  // of the stream's own thread
    std::optional<int64_t> attachment;
    int protocol = 0;
    // What it was told of core roots; under fleet_mutex_.
    std::shared_ptr<const std::vector<std::string>> told;
  };
  using SessionPtr = std::shared_ptr<Session>;

  // UNAVAILABLE when stopping or full.
  absl::Status Enter(const SessionPtr& session);
  void OnMessage(const SessionPtr& session, const agent::v1::AttachRequest& message);
  void OnHello(const SessionPtr& session, const agent::v1::AgentHello& hello);
  void OnDone(const SessionPtr& session);
  void WatchHello(const SessionPtr& session);
  void WatchIdentity(const SessionPtr& session);
  agent::v1::AttachResponse HelloTo(Session& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_mutex_);
  // Says hello again, if other core roots are to be told.
  void TellCoreRoots(const SessionPtr& session);
  absl::Status StillAdmitted(const rpc::Caller& caller);
  void NoteSeen(const SessionPtr& session, const AgentReport& report, int presented);
  void NoteDuplicate(const SessionPtr& session, const std::vector<std::string>& peers);
  void NoteDetached(const SessionPtr& session);
  // The entry, if there is room for one more of its kind this hour.
  std::optional<audit::Entry> Budgeted(audit::Entry entry);
  // The store may take its time; gRPC's threads have none. A full pool loses it, and says so.
  void OnPool(const std::string& agent, absl::string_view what,
              std::function<absl::Status(Store&)> note);
  // Runs a task later, unless the service is gone by then.
  void After(absl::Duration delay, const SessionPtr& session,
             std::function<void(const SessionPtr&)> task);

  struct Life {
    Mutex mutex;
    bool over ABSL_GUARDED_BY(mutex) = false;
  };

  const AgentLinkOptions options_;
  Duplicates duplicates_;
  AuditBudget budget_;
  const std::shared_ptr<Life> life_ = std::make_shared<Life>();

  // Attaching and detaching are one step in registry and coordinator both, and what a stream says
  // counts only while it is its agent's newest.
  Mutex fleet_mutex_;

  Mutex mutex_;
  CondVar changed_;
  std::set<SessionPtr> sessions_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_AGENT_LINK_SERVICE_H_
