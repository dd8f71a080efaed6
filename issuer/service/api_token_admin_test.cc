#include "issuer/service/api_token_admin.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/sql/transact.h"
#include "issuer/store/store.h"

namespace norroy::service {
namespace {

class ApiTokenAdminTest : public ::testing::Test {
 protected:
  ApiTokenAdminTest() {
    database_ = *sql::OpenSqlite(":memory:");
    EXPECT_TRUE(sql::Migrate(*database_, store::Store::Migrations()).ok());
    tokens_ = std::make_unique<store::ApiTokens>(*database_, "issuer/main");
    admin_ = std::make_unique<ApiTokenAdmin>(*tokens_, random_, clock_);
    alice_.identity = {"test", types::v1::ROLE_OPERATOR, "alice", ""};
    alice_.peer = "192.0.2.7:51000";
    alice_.trace_id = std::string(32, 'a');
  }

  absl::StatusOr<issuer::v1::CreateApiTokenResponse> Create(
      const std::string& principal, absl::Duration life = absl::ZeroDuration()) {
    issuer::v1::CreateApiTokenRequest request;
    request.set_principal(principal);
    if (life != absl::ZeroDuration()) {
      request.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + life));
    }
    return admin_->Create(alice_, request);
  }

  SimulatedClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  crypto::SystemRandom random_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<store::ApiTokens> tokens_;
  std::unique_ptr<ApiTokenAdmin> admin_;
  rpc::Caller alice_;
};

TEST_F(ApiTokenAdminTest, ShownOnce) {
  const auto made = Create("requester/ci-web");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->api_token().creator(), "operator/alice");
  EXPECT_EQ(made->api_token().expire_time().seconds() - made->api_token().create_time().seconds(),
            30 * 24 * 3600);
  const auto list = admin_->List(alice_, {});
  ASSERT_EQ(list->api_tokens_size(), 1);
  EXPECT_EQ(list->api_tokens(0).id(), made->api_token().id());
  EXPECT_FALSE(list->api_tokens(0).has_last_use_time());
  EXPECT_FALSE(absl::StrContains(list->DebugString(), made->token().substr(40)));
}

TEST_F(ApiTokenAdminTest, OnlyForRequesters) {
  for (const char* principal : {"", "operator/alice", "auditor/eve", "validator/v1", "requester/",
                                "requester/A", "requester/a b", "ci-web", "requester/a/b"}) {
    const auto made = Create(principal);
    EXPECT_EQ(ErrorReason(made.status()), "BAD_FIELD") << principal << made.status();
  }
}

TEST_F(ApiTokenAdminTest, EndsWithinAYear) {
  EXPECT_TRUE(Create("requester/a", absl::Hours(24 * 365)).ok());
  EXPECT_FALSE(Create("requester/a", absl::Hours(24 * 365) + absl::Seconds(1)).ok());
  EXPECT_FALSE(Create("requester/a", absl::Seconds(-1)).ok());
}

TEST_F(ApiTokenAdminTest, PagesAndDeletes) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Create(absl::StrCat("requester/r", i)).ok());
    clock_.Advance(absl::Seconds(1));
  }
  issuer::v1::ListApiTokensRequest request;
  request.set_page_size(2);
  std::vector<std::string> ids;
  do {
    const auto page = admin_->List(alice_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& token : page->api_tokens()) ids.push_back(token.id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(ids.size(), 5u);
  issuer::v1::DeleteApiTokenRequest bad;
  bad.set_id("' OR 1=1");
  EXPECT_EQ(ErrorReason(admin_->Delete(alice_, bad).status()), "BAD_FIELD");
  issuer::v1::DeleteApiTokenRequest one;
  one.set_id(ids[0]);
  EXPECT_TRUE(admin_->Delete(alice_, one).ok());
  EXPECT_EQ(admin_->List(alice_, {})->api_tokens_size(), 4);
}

TEST_F(ApiTokenAdminTest, IsAudited) {
  ASSERT_TRUE(Create("requester/ci-web").ok());
  const auto rows =
      sql::ReadFor<std::vector<sql::Row>>(*database_, [](sql::Connection& connection) {
        return connection.Query("SELECT principal, action, peer, detail FROM audit", {});
      });
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->at(0).Text(0), "operator/alice");
  EXPECT_EQ(rows->at(0).Text(1), "api_token.create");
  EXPECT_EQ(rows->at(0).Text(2), "192.0.2.7:51000");
  EXPECT_TRUE(absl::StrContains(rows->at(0).Text(3), "requester/ci-web"));
}

}  // namespace
}  // namespace norroy::service
