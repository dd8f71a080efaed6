#include "issuer/service/account_admin.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/audit/chain.h"
#include "common/error/error.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {
namespace {

using fakes::Endpoint;
using fakes::Fault;

class AccountAdminTest : public ::testing::Test {
 protected:
  AccountAdminTest() : alice_(CallerOf("operator/alice")) {
    alice_.peer = "192.0.2.7:51000";
    alice_.trace_id = std::string(32, 'a');
    change_.set_ca("main");
    update_.set_ca("main");
  }
  std::string AtTheCa() { return f_.ca().account_thumbprint(f_.store().GetAccount("main")->url); }
  std::string NewOrder() {
    issuer::v1::CreateOrderRequest request;
    request.add_names("www.example.com");
    request.set_csr(CsrFor(KeyA(), {"www.example.com"}));
    const auto order = f_.orders().Create(alice_, request);
    EXPECT_TRUE(order.ok()) << order.status();
    return order.ok() ? order->order().id() : "";
  }

  ServiceFixture f_;
  rpc::Caller alice_;
  issuer::v1::ChangeAccountKeyRequest change_;
  issuer::v1::UpdateAccountRequest update_;
};

TEST_F(AccountAdminTest, ChangesTheKeyAndOrdersGoOn) {
  const std::string before = AtTheCa();
  const std::string running = NewOrder();
  const auto changed = f_.account_admin().ChangeKey(alice_, change_);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_NE(changed->account().key_thumbprint(), before);
  EXPECT_EQ(changed->account().key_thumbprint(), AtTheCa());
  f_.Work(absl::Seconds(30));
  EXPECT_EQ(f_.Get(running).state(), issuer::v1::ORDER_STATE_VALID);
  EXPECT_TRUE(f_.account_admin().Update(alice_, update_).ok());
}

// Its proofs are up and rest on the old key, which the CA does not know any more when it is told:
// no such proof is shown to it.
TEST_F(AccountAdminTest, AnOrderWhoseProofsAreUpSurvives) {
  f_.solver().SetAutoReady(false);
  const std::string id = NewOrder();
  f_.Work(absl::Seconds(1));
  ASSERT_EQ(f_.solver().presented().size(), 1u);
  const auto changed = f_.account_admin().ChangeKey(alice_, change_);
  ASSERT_TRUE(changed.ok()) << changed.status();
  f_.solver().SetAutoReady(true);
  f_.solver().MakeReady(id);
  f_.Work(absl::Seconds(30));
  EXPECT_EQ(f_.Get(id).state(), issuer::v1::ORDER_STATE_VALID) << f_.Get(id).ShortDebugString();
  EXPECT_EQ(f_.ca().count(Endpoint::kChallenge), 1);
}

TEST_F(AccountAdminTest, UnknownCasAreRefused) {
  change_.set_ca("other");
  update_.set_ca("other");
  EXPECT_EQ(ErrorReason(f_.account_admin().ChangeKey(alice_, change_).status()), "CA_UNKNOWN");
  EXPECT_EQ(ErrorReason(f_.account_admin().Update(alice_, update_).status()), "CA_UNKNOWN");
  change_.set_ca("second");
  EXPECT_EQ(ErrorReason(f_.account_admin().ChangeKey(alice_, change_).status()), "NO_ACCOUNT");
}

TEST_F(AccountAdminTest, EveryChangeIsAuditedDoneOrNot) {
  f_.ca().Script(Endpoint::kKeyChange, Fault::Problem(403, "unauthorized", "no"));
  EXPECT_FALSE(f_.account_admin().ChangeKey(alice_, change_).ok());
  EXPECT_TRUE(f_.account_admin().ChangeKey(alice_, change_).ok());
  EXPECT_TRUE(f_.account_admin().Update(alice_, update_).ok());
  std::vector<std::string> told;
  const auto read = f_.database().Read([&](sql::Connection& connection) -> absl::Status {
    const auto records =
        audit::List(connection, {.principal = "operator/alice"}, true, nullptr, 10);
    if (!records.ok()) return records.status();
    for (const audit::Record& record : *records) {
      told.push_back(absl::StrCat(record.entry.action, " ", record.entry.outcome));
      EXPECT_EQ(record.entry.object, "account/main");
      EXPECT_EQ(record.entry.peer, alice_.peer);
      EXPECT_EQ(record.entry.trace_id, alice_.trace_id);
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_EQ(told, (std::vector<std::string>{"account.change_key failed", "account.change_key ok",
                                            "account.update ok"}));
}

}  // namespace
}  // namespace norroy::service
