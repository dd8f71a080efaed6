#include "issuer/store/policies.h"

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/store/policy_record.pb.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {

// The fixture is instantiated for the tests of store_contract_test.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

namespace {

PolicyVersion Next(const std::vector<policy::GrantText>& grants, absl::Time now) {
  return {
      .grants = grants, .create_time = now, .creator = "operator/alice", .comment = "for the shop"};
}

policy::GrantText Full() {
  return {.principal = "requester/web",
          .names = {".example.com", "=192.0.2.0/24"},
          .key_types = {"p256"},
          .cas = {"main"},
          .profiles = {"", "short"},
          .orders_per_day = 7,
          .orders_per_domain_per_day = 3,
          .reuse_never = true};
}

class PoliciesTest : public StoreContract {
 protected:
  absl::StatusOr<int64_t> Apply(const std::vector<policy::GrantText>& grants, int64_t expected) {
    return policies().Apply(Next(grants, now_), expected,
                            {.principal = "operator/alice", .action = "policy.apply"});
  }
  Policies policies() { return Policies(*database_, "issuer"); }
  void Overwrite(const std::string& bytes) {
    const absl::Status done = database_->Write([&](sql::Connection& connection) {
      return connection.Execute("UPDATE policies SET record = $1", {sql::Blob{bytes}}).status();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
};

TEST_P(PoliciesTest, EveryVersionIsKept) {
  EXPECT_EQ(*policies().Current(), 0);
  EXPECT_EQ(ErrorReason(policies().Get(1).status()), "POLICY_NOT_FOUND");
  EXPECT_TRUE(policies().List(INT64_MAX, 10)->empty());
  ASSERT_EQ(*Apply({Full()}, 0), 1);
  ASSERT_EQ(*Apply({}, 1), 2);
  policy::GrantText other = Full();
  other.principal = "operator/bob";
  ASSERT_EQ(*Apply({Full(), other}, 2), 3);
  EXPECT_EQ(*policies().Current(), 3);
  const auto first = policies().Get(1);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->grants, std::vector<policy::GrantText>{Full()});
  EXPECT_EQ(first->creator, "operator/alice");
  EXPECT_EQ(first->comment, "for the shop");
  EXPECT_EQ(first->create_time, now_);
  EXPECT_TRUE(policies().Get(2)->grants.empty());
  EXPECT_EQ(policies().Get(3)->grants.size(), 2u);
}

TEST_P(PoliciesTest, PagesAreNewestFirst) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Apply({}, i).ok());
  const auto page = policies().List(INT64_MAX, 2);
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ((*page)[0].version, 5);
  EXPECT_EQ((*page)[1].version, 4);
  const auto rest = policies().List(4, 10);
  ASSERT_EQ(rest->size(), 3u);
  EXPECT_EQ(rest->front().version, 3);
  EXPECT_EQ(rest->back().version, 1);
}

TEST_P(PoliciesTest, OnlyWhoSawTheVersionInForceChangesIt) {
  ASSERT_TRUE(Apply({Full()}, 0).ok());
  for (const int64_t expected : {0, 2, -1}) {
    const absl::Status status = Apply({}, expected).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
    EXPECT_EQ(ErrorReason(status), "VERSION_MISMATCH");
    EXPECT_EQ(ErrorMetadataOf(status).at("version"), "1");
  }
  EXPECT_EQ(*policies().Current(), 1);
}

TEST_P(PoliciesTest, OfManyThatRaceOneApplies) {
  std::atomic<int> applied = 0;
  Race(32, [&](int) {
    const auto version = Apply({Full()}, 0);
    if (version.ok()) {
      ++applied;
    } else {
      EXPECT_EQ(ErrorReason(version.status()), "VERSION_MISMATCH") << version.status();
    }
  });
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(*policies().Current(), 1);
}

TEST_P(PoliciesTest, IsAuditedWithTheChange) {
  ASSERT_TRUE(Apply({Full()}, 0).ok());
  EXPECT_FALSE(Apply({}, 0).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit"), 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit WHERE object = 'policy/1' AND policy_version = 1 "
                  "AND action = 'policy.apply' AND principal = 'operator/alice'"),
            1);
  EXPECT_TRUE(store_->VerifyAudit().ok());
}

TEST_P(PoliciesTest, WhatThisProgramDoesNotUnderstandWholeIsNotReturned) {
  ASSERT_TRUE(Apply({Full()}, 0).ok());
  v1::PolicyRecord record;
  record.add_grants()->set_principal("requester/web");
  std::string newer_policy = record.SerializeAsString();
  newer_policy += std::string("\x98\x06\x01", 3);  // field 99
  v1::GrantRecord grant = record.grants(0);
  grant.GetReflection()->MutableUnknownFields(&grant)->AddVarint(99, 1);
  v1::PolicyRecord with_newer_grant;
  *with_newer_grant.add_grants() = grant;
  const struct {
    std::string what;
    std::string bytes;
  } cases[] = {
      {"damaged", "\xff\xff\xff"},
      {"cut", record.SerializeAsString().substr(0, 5)},
      {"a field of a newer program", newer_policy},
      {"a grant with such a field", with_newer_grant.SerializeAsString()},
  };
  for (const auto& c : cases) {
    Overwrite(c.bytes);
    const absl::Status status = policies().Get(1).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << c.what << status;
    EXPECT_EQ(ErrorReason(status), "POLICY_UNREADABLE") << c.what;
    EXPECT_EQ(*policies().Current(), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(On, PoliciesTest, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

}  // namespace
}  // namespace norroy::store
