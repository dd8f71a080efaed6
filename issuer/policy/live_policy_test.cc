#include "issuer/policy/live_policy.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "issuer/store/store.h"

namespace norroy::policy {
namespace {

Question Ask(const std::string& principal, const std::vector<std::string>& names) {
  return {principal, challenge::ParseNames(names).value(), "main", "", std::nullopt};
}

GrantText Text(const std::string& principal, const std::vector<std::string>& names) {
  return {.principal = principal, .names = names};
}

class LivePolicyTest : public ::testing::Test {
 protected:
  LivePolicyTest() {
    database_ = sql::OpenSqlite(":memory:").value();
    EXPECT_TRUE(sql::Migrate(*database_, store::Store::Migrations()).ok());
    policies_ = std::make_unique<store::Policies>(*database_, "issuer");
    live_ = Make();
  }
  // Of this process, or of another on the same database.
  std::unique_ptr<LivePolicy> Make() {
    return std::make_unique<LivePolicy>(
        ParseGrants({Text("operator/alice", {"."})}, "grants").value(), *policies_);
  }
  void Apply(const std::vector<GrantText>& grants) {
    const auto version = policies_->Apply({.grants = grants}, policies_->Current().value(), {});
    ASSERT_TRUE(version.ok()) << version.status();
  }
  std::string ReasonOf(const Policy& policy, const std::string& principal,
                       const std::string& name) {
    return ErrorReason(policy.Check(Ask(principal, {name})).status());
  }

  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<store::Policies> policies_;
  std::unique_ptr<LivePolicy> live_;
};

TEST_F(LivePolicyTest, WhatWasAppliedIsAddedToTheConfiguration) {
  EXPECT_EQ(live_->Check(Ask("operator/alice", {"www.example.com"}))->version, 0);
  EXPECT_EQ(ReasonOf(*live_, "requester/web", "www.example.com"), "NAME_NOT_GRANTED");
  Apply({Text("requester/web", {"www.example.com"})});
  EXPECT_EQ(live_->Check(Ask("requester/web", {"www.example.com"}))->version, 1);
  EXPECT_EQ(live_->Check(Ask("operator/alice", {"www.example.com"}))->version, 1);
}

TEST_F(LivePolicyTest, AGrantThatIsTakenAwayIsGoneEverywhereAtOnce) {
  const auto other = Make();
  Apply({Text("requester/web", {"www.example.com"})});
  EXPECT_EQ(ReasonOf(*live_, "requester/web", "www.example.com"), "");
  EXPECT_EQ(ReasonOf(*other, "requester/web", "www.example.com"), "");
  Apply({});
  EXPECT_EQ(ReasonOf(*live_, "requester/web", "www.example.com"), "NAME_NOT_GRANTED");
  EXPECT_EQ(ReasonOf(*other, "requester/web", "www.example.com"), "NAME_NOT_GRANTED");
  EXPECT_EQ(ErrorMetadataOf(other->Check(Ask("requester/web", {"a.example.com"})).status())
                .at("policy_version"),
            "2");
}

TEST_F(LivePolicyTest, AVersionThatCannotBeReadGrantsNothing) {
  Apply({Text("requester/web", {"www.example.com"})});
  EXPECT_EQ(ReasonOf(*live_, "requester/web", "www.example.com"), "");
  // A pattern that this program has no meaning for, in the next version.
  Apply({Text("requester/web", {"~www.example.com"})});
  EXPECT_EQ(ReasonOf(*live_, "requester/web", "www.example.com"), "POLICY_UNREADABLE");
  EXPECT_EQ(ReasonOf(*live_, "operator/alice", "www.example.com"), "POLICY_UNREADABLE");
  ASSERT_TRUE(database_
                  ->Write([](sql::Connection& connection) {
                    return connection
                        .Execute("UPDATE policies SET record = $1", {sql::Blob{"\xff\xff"}})
                        .status();
                  })
                  .ok());
  EXPECT_EQ(ReasonOf(*Make(), "operator/alice", "www.example.com"), "POLICY_UNREADABLE");
  Apply({});
  EXPECT_EQ(ReasonOf(*live_, "operator/alice", "www.example.com"), "");
}

// A CA that was taken out of the configuration shuts nobody else out.
TEST_F(LivePolicyTest, AGrantForACaThatIsGoneGrantsNothingAndBreaksNothing) {
  GrantText old = Text("requester/web", {"www.example.com"});
  old.cas = {"gone"};
  Apply({old, Text("requester/api", {"api.example.com"})});
  EXPECT_EQ(ReasonOf(*live_, "requester/web", "www.example.com"), "CA_NOT_GRANTED");
  EXPECT_EQ(ReasonOf(*live_, "requester/api", "api.example.com"), "");
}

TEST_F(LivePolicyTest, EveryAnswerIsOfOneVersion) {
  // Version n grants exactly the name n, and both of a pair.
  Apply({Text("requester/web", {"v1.example.com", "w1.example.com"})});
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const int64_t version = policies_->Current().value();
        const auto both =
            live_->Check(Ask("requester/web", {absl::StrCat("v", version, ".example.com"),
                                               absl::StrCat("w", version, ".example.com")}));
        if (both.ok() && both->version != version) ++torn;
      }
    });
  }
  for (int i = 2; i < 60; ++i) {
    Apply({Text("requester/web",
                {absl::StrCat("v", i, ".example.com"), absl::StrCat("w", i, ".example.com")})});
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(ReasonOf(*live_, "requester/web", "v59.example.com"), "");
}

}  // namespace
}  // namespace norroy::policy
