// The audit service behind a real listener: who may ask, lists and their pages, checkpoints that a
// stranger can verify, refused calls.

#include "common/rpc/audit_service.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "common/audit/to_proto.h"
#include "common/error/error.h"
#include "common/rpc/status.h"
#include "common/rpc/test_audit_server.h"
#include "common/rpc/test_deployment.h"

namespace norroy::rpc {
namespace {

using audit::v1::ListCheckpointsRequest;
using audit::v1::ListCheckpointsResponse;
using audit::v1::ListRecordsRequest;
using audit::v1::ListRecordsResponse;
using Stub = audit::v1::AuditService::Stub;

class AuditServiceTest : public ::testing::Test {
 protected:
  std::unique_ptr<Stub> As(types::v1::Role role) {
    const auto credentials =
        ClientCredentials(deployment_.CoreFiles(deployment_.WriteIdentity(role, "somebody")),
                          deployment_.name(), types::v1::ROLE_ISSUER);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return audit::v1::AuditService::NewStub(NewChannel(server_.address(), *credentials));
  }
  static absl::StatusOr<ListRecordsResponse> List(Stub& stub, const ListRecordsRequest& request) {
    grpc::ClientContext context;
    ListRecordsResponse response;
    const absl::Status status = FromGrpc(stub.ListRecords(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  static absl::StatusOr<audit::Checkpoint> Sign(Stub& stub) {
    grpc::ClientContext context;
    audit::v1::CreateCheckpointResponse response;
    const absl::Status status = FromGrpc(stub.CreateCheckpoint(&context, {}, &response));
    if (!status.ok()) return status;
    return audit::FromProto(response.checkpoint());
  }

  TestDeployment deployment_;
  TestAuditServer server_{deployment_, types::v1::ROLE_ISSUER, "issuer/main"};
};

TEST_F(AuditServiceTest, PagesHoldEverythingOnce) {
  server_.Append(7);
  const auto auditor = As(types::v1::ROLE_AUDITOR);
  struct Case {
    const char* writer;
    const char* principal;
    bool oldest_first;
    std::vector<int64_t> seqs;
  };
  const Case cases[] = {
      {"", "", true, {1, 2, 3, 4, 5, 6, 7}},
      {"", "", false, {7, 6, 5, 4, 3, 2, 1}},
      {"issuer/main", "", true, {1, 2, 3, 4, 5, 6, 7}},
      {"", "operator/alice", false, {7, 6, 5, 4, 3, 2, 1}},
      {"", "operator/bob", false, {}},
  };
  for (const Case& c : cases) {
    ListRecordsRequest request;
    request.set_page_size(2);
    request.set_writer(c.writer);
    request.set_principal(c.principal);
    request.set_oldest_first(c.oldest_first);
    std::vector<int64_t> seqs;
    do {
      const auto page = List(*auditor, request);
      ASSERT_TRUE(page.ok()) << page.status();
      EXPECT_LE(page->records_size(), 2);
      for (const auto& record : page->records()) {
        EXPECT_EQ(audit::HashOf(audit::FromProto(record)), record.hash());
        seqs.push_back(record.seq());
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(seqs, c.seqs);
  }
}

TEST_F(AuditServiceTest, RefusesBadRequests) {
  server_.Append(3);
  const auto operator_ = As(types::v1::ROLE_OPERATOR);
  ListRecordsRequest first;
  first.set_page_size(1);
  const std::string token = List(*operator_, first)->next_page_token();
  ASSERT_FALSE(token.empty());
  struct Case {
    std::function<void(ListRecordsRequest&)> change;
    const char* reason;
  };
  const Case cases[] = {
      {[](ListRecordsRequest& r) { r.set_page_size(-1); }, "BAD_FIELD"},
      {[](ListRecordsRequest& r) { r.set_after_seq(1); }, "BAD_FIELD"},
      {[](ListRecordsRequest& r) { r.set_after_seq(-1); }, "BAD_FIELD"},
      {[](ListRecordsRequest& r) { r.set_object(std::string(513, 'x')); }, "BAD_FIELD"},
      {[](ListRecordsRequest& r) { r.set_page_token("forged"); }, "BAD_PAGE_TOKEN"},
      {[&](ListRecordsRequest& r) { r.set_page_token(token + "A"); }, "BAD_PAGE_TOKEN"},
      // Of another list.
      {[&](ListRecordsRequest& r) {
         r.set_page_token(token);
         r.set_oldest_first(true);
       },
       "BAD_PAGE_TOKEN"},
  };
  for (const Case& c : cases) {
    ListRecordsRequest request;
    c.change(request);
    EXPECT_EQ(ErrorReason(List(*operator_, request).status()), c.reason)
        << request.ShortDebugString();
  }
}

TEST_F(AuditServiceTest, CheckpointsCanBeVerifiedByAStranger) {
  const auto auditor = As(types::v1::ROLE_AUDITOR);
  const audit::Trust trust{{deployment_.core_root().certificate}, deployment_.name()};
  for (int i = 0; i < 3; ++i) {
    server_.Append(2);
    ASSERT_TRUE(Sign(*auditor).ok());
  }
  EXPECT_EQ(*Sign(*auditor), *Sign(*auditor));  // nothing moved
  audit::Series series(trust);
  ListCheckpointsRequest request;
  request.set_page_size(2);
  int count = 0;
  do {
    grpc::ClientContext context;
    ListCheckpointsResponse response;
    ASSERT_TRUE(auditor->ListCheckpoints(&context, request, &response).ok());
    for (const auto& checkpoint : response.checkpoints()) {
      const auto verified = series.Add(audit::FromProto(checkpoint));
      ASSERT_TRUE(verified.ok()) << verified.status();
      EXPECT_EQ(verified->signer.Principal(), "issuer/main");
      EXPECT_EQ(verified->statement.heads.front().seq, 2 * ++count);
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(count, 3);
  grpc::ClientContext context;
  audit::v1::VerifyChainsResponse verified;
  ASSERT_TRUE(auditor->VerifyChains(&context, {}, &verified).ok());
  EXPECT_EQ(verified.heads(0).seq(), 6);
}

TEST_F(AuditServiceTest, TamperingIsNamed) {
  server_.Append(3);
  server_.Tamper("UPDATE audit SET principal = 'x' WHERE seq = 2");
  grpc::ClientContext context;
  audit::v1::VerifyChainsResponse response;
  const absl::Status status =
      FromGrpc(As(types::v1::ROLE_OPERATOR)->VerifyChains(&context, {}, &response));
  EXPECT_EQ(ErrorReason(status), "AUDIT_BROKEN") << status;
  EXPECT_EQ(ErrorMetadataOf(status)["seq"], "2");
}

TEST_F(AuditServiceTest, OthersAreRefusedAndThatIsWrittenDown) {
  for (const auto role : {types::v1::ROLE_VALIDATOR, types::v1::ROLE_ISSUER}) {
    const auto stub = As(role);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(ErrorReason(List(*stub, {}).status()), "ROLE_NOT_ALLOWED");
    }
  }
  const auto records = [&] {
    return *server_.keeper().log().List({.action = "call.refused"}, true, nullptr, 100);
  };
  for (int i = 0; i < 2000 && records().size() < 2; ++i) absl::SleepFor(absl::Milliseconds(5));
  ASSERT_EQ(records().size(), 2u);
  const audit::Entry first = records()[0].entry;
  EXPECT_EQ(first.principal, "validator/somebody");
  EXPECT_EQ(first.object, "method/norroy.audit.v1.AuditService.ListRecords");
  EXPECT_EQ(first.outcome, audit::kDenied);
  EXPECT_TRUE(absl::StartsWith(first.peer, "127.0.0.1:")) << first.peer;
  EXPECT_EQ(first.trace_id.size(), 32u);
  server_.keeper().refusals().Flush();
  ASSERT_EQ(records().size(), 4u);
  EXPECT_TRUE(absl::StrContains(records()[3].entry.detail, "19 more times"));
}

}  // namespace
}  // namespace norroy::rpc
