#include "common/rpc/test_audit_server.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::rpc {

TestAuditServer::TestAuditServer(TestDeployment& deployment, identity::Role role,
                                 const std::string& writer)
    : database_(sql::OpenSqlite(":memory:").value()) {
  NORROY_CHECK(sql::Migrate(*database_, {{1, audit::kTable}, {2, audit::kTableOrigin}}).ok());
  const std::string identity = deployment.WriteIdentity(role, "main");
  keeper_.emplace(audit::LogOptions{.database = *database_,
                                    .clock = clock_,
                                    .deployment = deployment.name(),
                                    .writer = writer,
                                    .identity_file = identity},
                  timers_, absl::Hours(1));
  env_.emplace(HandlerEnv{.pool = pool_,
                          .clock = clock_,
                          .deployment = deployment.name(),
                          .refused = AuditRefusals(keeper_->refusals())});
  service_.emplace(*env_, keeper_->log());
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.tls = deployment.CoreFiles(identity);
  options.services = {&*service_};
  server_ = Server::Start(options).value();
}

TestAuditServer::~TestAuditServer() { server_->Stop(absl::ZeroDuration()); }

std::string TestAuditServer::address() const {
  return absl::StrCat("127.0.0.1:", server_->ports()[0]);
}

void TestAuditServer::Append(int count) {
  for (int i = 0; i < count; ++i) {
    NORROY_CHECK(keeper_->log()
                     .Append({.principal = "operator/alice",
                              .action = "order.create",
                              .object = absl::StrCat("order/", i),
                              .detail = "d",
                              .peer = "192.0.2.7:51000"})
                     .ok());
  }
}

void TestAuditServer::Tamper(const std::string& sql) {
  NORROY_CHECK(
      database_->Write([&](sql::Connection& c) { return c.Execute(sql, {}).status(); }).ok());
}

}  // namespace norroy::rpc
