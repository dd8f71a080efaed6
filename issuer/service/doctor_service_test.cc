// The doctor behind a real listener: the answer that comes later, and clients that leave.

#include "issuer/service/doctor_service.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/test_deployment.h"
#include "common/sync/thread_pool.h"
#include "issuer/policy/policy.h"
#include "issuer/service/service_fixture.h"
#include "issuer/solver/test_sealer.h"

namespace norroy::service {
namespace {

using Stub = issuer::v1::DoctorService::Stub;

std::unique_ptr<policy::Policy> Grants() {
  config::v1::IssuerConfig config;
  config.add_cas()->set_name("main");
  config::v1::GrantConfig* const grant = config.add_grants();
  grant->set_principal("operator/alice");
  grant->add_names(".");
  return policy::MakeConfigPolicy(config).value();
}

class DoctorServiceTest : public ::testing::Test {
 protected:
  DoctorServiceTest() {
    server_ = rpc::Server::Start({.listen = {"127.0.0.1:0"},
                                  .tls = deployment_.CoreFiles(
                                      deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "main")),
                                  .services = {&service_}})
                  .value();
  }
  ~DoctorServiceTest() override {
    server_->Stop(absl::Seconds(1));
    doctor_.Stop();
  }

  std::unique_ptr<Stub> StubOf(types::v1::Role role, const std::string& name) {
    const auto credentials =
        rpc::ClientCredentials(deployment_.CoreFiles(deployment_.WriteIdentity(role, name)), "test",
                               types::v1::ROLE_ISSUER);
    return issuer::v1::DoctorService::NewStub(
        rpc::NewChannel(absl::StrCat("127.0.0.1:", server_->ports()[0]), credentials.value()));
  }

  rpc::TestDeployment deployment_;
  SystemClock clock_;
  ServiceFixture f_;
  ThreadTimers timers_;
  crypto::SeededRandom random_{5};
  const std::unique_ptr<policy::Policy> policy_ = Grants();
  // The rehearsal's clock is the machine's: its waits are timers.
  Doctor doctor_{DoctorOptions{f_.store(), *policy_, f_.solver(), solver::TestSealer(),
                               f_.accounts(), timers_, clock_, random_}};
  ThreadPool pool_{4, 16};
  rpc::HandlerEnv env_{pool_, clock_, "test", nullptr};
  DoctorService service_{env_, doctor_};
  std::unique_ptr<rpc::Server> server_;
};

TEST_F(DoctorServiceTest, RehearsesAndDescribes) {
  const auto alice = StubOf(types::v1::ROLE_OPERATOR, "alice");
  issuer::v1::RehearseRequest request;
  request.add_names("www.example.com");
  issuer::v1::RehearseResponse response;
  grpc::ClientContext context;
  const absl::Status status = rpc::FromGrpc(alice->Rehearse(&context, request, &response));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(response.passed()) << response.DebugString();
  EXPECT_EQ(f_.solver().served_count(), 0);

  issuer::v1::DescribePersistRecordRequest describe;
  describe.set_name("www.example.com");
  issuer::v1::DescribePersistRecordResponse record;
  grpc::ClientContext second;
  const absl::Status described =
      rpc::FromGrpc(alice->DescribePersistRecord(&second, describe, &record));
  ASSERT_TRUE(described.ok()) << described;
  EXPECT_EQ(record.owner(), "_validation-persist.www.example.com");
  ASSERT_EQ(record.views_size(), 1);
  EXPECT_EQ(record.views(0).findings(0).code(), "PERSIST_MISSING");
}

TEST_F(DoctorServiceTest, RolesAndGrants) {
  issuer::v1::RehearseRequest request;
  request.add_names("www.example.com");
  issuer::v1::RehearseResponse response;
  const struct {
    types::v1::Role role;
    const char* name;
    const char* reason;
  } cases[] = {
      {types::v1::ROLE_AUDITOR, "eve", "ROLE_NOT_ALLOWED"},
      {types::v1::ROLE_OPERATOR, "bob", "NAME_NOT_GRANTED"},
  };
  for (const auto& c : cases) {
    grpc::ClientContext context;
    const auto stub = StubOf(c.role, c.name);
    EXPECT_EQ(ErrorReason(rpc::FromGrpc(stub->Rehearse(&context, request, &response))), c.reason);
  }
}

TEST_F(DoctorServiceTest, ALookAtARecordHoldsNoThreadAndOutlivesItsClient) {
  f_.solver().looks().SetSlow(true);
  const auto alice = StubOf(types::v1::ROLE_OPERATOR, "alice");
  issuer::v1::DescribePersistRecordRequest request;
  request.set_name("www.example.com");
  issuer::v1::DescribePersistRecordResponse response;
  // More than the pool has threads.
  for (int i = 0; i < 6; ++i) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Milliseconds(300)));
    EXPECT_EQ(alice->DescribePersistRecord(&context, request, &response).error_code(),
              grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  EXPECT_EQ(f_.solver().looks().persist_asked().size(), 6u);
  f_.solver().FinishLooks();
  f_.solver().looks().SetSlow(false);
  grpc::ClientContext context;
  const absl::Status status =
      rpc::FromGrpc(alice->DescribePersistRecord(&context, request, &response));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(DoctorServiceTest, AClientThatLeavesTakesItDown) {
  f_.solver().looks().SetSlow(true);
  const auto alice = StubOf(types::v1::ROLE_OPERATOR, "alice");
  issuer::v1::RehearseRequest request;
  request.add_names("www.example.com");
  issuer::v1::RehearseResponse response;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Milliseconds(1500)));
  const grpc::Status status = alice->Rehearse(&context, request, &response);
  // Either the deadline, or what was known just before it.
  if (!status.ok()) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  const absl::Time end = absl::Now() + absl::Seconds(10);
  while (f_.solver().released().empty() && absl::Now() < end) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(f_.solver().released().size(), 1u);
  EXPECT_EQ(f_.solver().served_count(), 0);
}

}  // namespace
}  // namespace norroy::service
