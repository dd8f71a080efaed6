#ifndef NORROY_VALIDATOR_AGENTS_TEST_FLEET_H_
#define NORROY_VALIDATOR_AGENTS_TEST_FLEET_H_

// Agents for tests: a real store in memory, a registry over it, and links that keep what they are
// sent.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/audit/entry.h"
#include "common/sql/database.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "validator/agents/agent.h"
#include "validator/agents/registry.h"
#include "validator/store/store.h"

namespace norroy::validator {

ChallengeGrant GrantOf(const std::vector<std::string>& patterns,
                       std::vector<challenge::ChallengeType> types,
                       Responders responders = Responders::kAll);

// Thread-safe.
class FakeLink final : public Link {
 public:
  bool Send(const agent::v1::AttachResponse& message) override;
  void Close(const absl::Status& why) override;

  // Called with each message, without locks held, before Send returns.
  std::function<void(const agent::v1::AttachResponse&)> on_send;

  // What came since the last call.
  std::vector<agent::v1::AttachResponse> TakeSent();
  bool closed();
  absl::Status why_closed();

 private:
  Mutex mutex_;
  std::vector<agent::v1::AttachResponse> sent_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status why_ ABSL_GUARDED_BY(mutex_);
};

class TestFleet {
 public:
  // The database outlives the fleet's Restart.
  explicit TestFleet(absl::Time now);

  Store& store() { return *store_; }
  Registry& registry() { return *registry_; }
  sql::Database& database() { return *database_; }

  // Invites and enrolls; the enrollment id is made from the name and `number`.
  void Enroll(const std::string& name, const std::vector<ChallengeGrant>& grants, int number = 1);
  void Invite(const std::string& name, const std::vector<ChallengeGrant>& grants, int number = 1);
  static std::string EnrollmentId(const std::string& name, int number = 1);
  // By an operator.
  static audit::Entry AuditOf(const std::string& action, const std::string& agent);

 private:
  const absl::Time now_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Registry> registry_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_TEST_FLEET_H_
