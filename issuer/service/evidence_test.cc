// How a certificate came to be, from a whole issuer in memory.

#include "issuer/service/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {
namespace {

const rpc::Caller kAlice = CallerOf("operator/alice");
const rpc::Caller kAuditor = CallerOf("auditor/eve");
const rpc::Caller kWeb = CallerOf("requester/web");
const rpc::Caller kOther = CallerOf("requester/other");

class EvidenceTest : public ::testing::Test {
 protected:
  // Of requester/web; the certificate's id.
  std::string Issue() {
    issuer::v1::CreateOrderRequest request;
    request.add_names("www.example.com");
    request.set_csr(CsrFor(KeyA(), {"www.example.com"}));
    request.set_request_id("r-1");
    const auto created = f_.orders().Create(kWeb, request);
    EXPECT_TRUE(created.ok()) << created.status();
    order_ = created->order().id();
    f_.Work(absl::Minutes(10));
    return f_.Get(order_).certificate_id();
  }
  absl::StatusOr<issuer::v1::Evidence> Get(const rpc::Caller& caller, const std::string& id) {
    issuer::v1::GetEvidenceRequest request;
    request.set_id(id);
    auto response = f_.evidence().Get(caller, request);
    if (!response.ok()) return response.status();
    return response->evidence();
  }
  static std::vector<std::string> Actions(const issuer::v1::Evidence& evidence) {
    std::vector<std::string> actions;
    for (const auto& record : evidence.records()) actions.push_back(record.action());
    return actions;
  }

  ServiceFixture f_;
  std::string order_;
};

TEST_F(EvidenceTest, SaysWhoAskedWhoServedAndWhatHappened) {
  const std::string id = Issue();
  const auto evidence = Get(kAuditor, id);
  ASSERT_TRUE(evidence.ok()) << evidence.status();
  EXPECT_EQ(evidence->creator(), "requester/web");
  EXPECT_EQ(evidence->finalizer(), "requester/web");
  EXPECT_EQ(evidence->certificate().id(), id);
  EXPECT_EQ(evidence->certificate().order_id(), order_);
  EXPECT_TRUE(absl::StartsWith(evidence->ca_order_url(), "https://"));
  ASSERT_EQ(evidence->names_size(), 1);
  EXPECT_EQ(evidence->names(0).name(), "www.example.com");
  EXPECT_TRUE(absl::StartsWith(evidence->names(0).authorization_url(), "https://"));
  EXPECT_FALSE(evidence->names(0).agents().empty());
  const std::vector<std::string> actions = Actions(*evidence);
  for (const char* action : {"order.create", "order.ordering", "order.presenting",
                             "order.finalizing", "order.done", "certificate.issue"}) {
    EXPECT_EQ(std::count(actions.begin(), actions.end(), action), 1) << action;
  }
  EXPECT_EQ(actions.front(), "order.create");
  for (const auto& record : evidence->records()) EXPECT_EQ(record.hash().size(), 32u);
}

TEST_F(EvidenceTest, HasTheProblemsOnTheWay) {
  f_.ca().Script(fakes::Endpoint::kNewOrder,
                 fakes::Fault::Problem(500, "serverInternal", "out for lunch"));
  const auto evidence = Get(kAlice, Issue());
  ASSERT_TRUE(evidence.ok()) << evidence.status();
  EXPECT_TRUE(std::any_of(
      evidence->records().begin(), evidence->records().end(),
      [](const auto& record) { return absl::StrContains(record.detail(), "out for lunch"); }));
}

TEST_F(EvidenceTest, GrowsWithWhatHappensToTheCertificate) {
  const std::string id = Issue();
  rpc::Caller alice = kAlice;
  alice.peer = "192.0.2.7:51000";
  alice.trace_id = std::string(32, 'a');
  issuer::v1::RevokeCertificateRequest revoke;
  revoke.set_id(id);
  ASSERT_TRUE(f_.certificates().Revoke(alice, revoke).ok());
  const auto evidence = Get(kAuditor, id);
  ASSERT_TRUE(evidence.ok()) << evidence.status();
  const auto& last = *evidence->records().rbegin();
  EXPECT_EQ(last.action(), "certificate.revoke");
  EXPECT_EQ(last.principal(), "operator/alice");
  EXPECT_EQ(last.peer(), "192.0.2.7:51000");
  EXPECT_EQ(last.trace_id(), std::string(32, 'a'));
  EXPECT_TRUE(evidence->certificate().has_revoke_time());
}

TEST_F(EvidenceTest, WhatSomebodyDoesNotSeeDoesNotExist) {
  const std::string id = Issue();
  EXPECT_TRUE(absl::IsNotFound(Get(kOther, id).status()));
  EXPECT_TRUE(absl::IsNotFound(Get(kAlice, std::string(32, '0')).status()));
  EXPECT_FALSE(Get(kAlice, "x").ok());
}

}  // namespace
}  // namespace norroy::service
