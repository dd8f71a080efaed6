#ifndef NORROY_COMMON_RPC_TEST_AUDIT_SERVER_H_
#define NORROY_COMMON_RPC_TEST_AUDIT_SERVER_H_

// For tests: a process that has nothing but an audit log, in memory, and serves it over mTLS.

#include <memory>
#include <optional>
#include <string>

#include "common/audit/keeper.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/rpc/audit_service.h"
#include "common/rpc/server.h"
#include "common/rpc/test_deployment.h"
#include "common/sql/database.h"
#include "common/sync/thread_pool.h"

namespace norroy::rpc {

class TestAuditServer {
 public:
  // `writer`: "issuer/main", of this role.
  TestAuditServer(TestDeployment& deployment, identity::Role role, const std::string& writer);
  ~TestAuditServer();

  std::string address() const;
  // "order.create" of order/0, order/1, ... by operator/alice.
  void Append(int count);
  // SQL past the log, as somebody with the database could do.
  void Tamper(const std::string& sql);
  audit::Keeper& keeper() { return *keeper_; }

 private:
  SystemClock clock_;
  ThreadTimers timers_;
  std::unique_ptr<sql::Database> database_;
  std::optional<audit::Keeper> keeper_;
  ThreadPool pool_{4, 64};
  std::optional<HandlerEnv> env_;
  std::optional<AuditService> service_;
  std::unique_ptr<Server> server_;
};

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_TEST_AUDIT_SERVER_H_
