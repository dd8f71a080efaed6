#include "issuer/service/policy_admin.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {
namespace {

using issuer::v1::ApplyPolicyRequest;
using issuer::v1::ApplyPolicyResponse;
using issuer::v1::IssuanceGrant;
using issuer::v1::Policy;

const rpc::Caller kAlice = CallerOf("operator/alice");

IssuanceGrant Grant(const std::string& principal, const std::vector<std::string>& names) {
  IssuanceGrant grant;
  grant.set_principal(principal);
  for (const std::string& name : names) grant.add_names(name);
  return grant;
}

ApplyPolicyRequest With(const std::vector<IssuanceGrant>& grants, int64_t expected) {
  ApplyPolicyRequest request;
  for (const IssuanceGrant& grant : grants) *request.add_grants() = grant;
  request.set_expected_version(expected);
  return request;
}

class PolicyAdminTest : public ::testing::Test {
 protected:
  ApplyPolicyResponse Apply(const ApplyPolicyRequest& request) {
    const auto response = f_.policy_admin().Apply(kAlice, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : ApplyPolicyResponse();
  }
  absl::Status Refused(const ApplyPolicyRequest& request) {
    return f_.policy_admin().Apply(kAlice, request).status();
  }
  Policy Get(int64_t version = 0) {
    issuer::v1::GetPolicyRequest request;
    request.set_version(version);
    const auto response = f_.policy_admin().Get(kAlice, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->policy() : Policy();
  }
  std::string Order(const std::string& principal, const std::string& name) {
    issuer::v1::CreateOrderRequest request;
    request.add_names(name);
    return ErrorReason(f_.orders().Create(CallerOf(principal), request).status());
  }

  ServiceFixture f_;
};

TEST_F(PolicyAdminTest, WhatIsAppliedHoldsAtOnce) {
  EXPECT_EQ(Order("requester/shop", "shop.example.org"), "NAME_NOT_GRANTED");
  const ApplyPolicyResponse applied =
      Apply(With({Grant("requester/shop", {"Shop.Example.org."})}, 0));
  EXPECT_EQ(applied.version(), 1);
  ASSERT_EQ(applied.added_size(), 1);
  EXPECT_EQ(applied.added(0).names(0), "shop.example.org");
  EXPECT_EQ(Order("requester/shop", "shop.example.org"), "");
  const ApplyPolicyResponse emptied = Apply(With({}, 1));
  EXPECT_EQ(emptied.version(), 2);
  EXPECT_EQ(emptied.removed_size(), 1);
  EXPECT_EQ(Order("requester/shop", "shop.example.org"), "NAME_NOT_GRANTED");
  // What the configuration grants stays.
  EXPECT_EQ(Order("requester/web", "www.example.com"), "");
}

TEST_F(PolicyAdminTest, TheConfigurationIsShownAndNeverStored) {
  const Policy first = Get();
  EXPECT_EQ(first.version(), 0);
  EXPECT_FALSE(first.has_create_time());
  ASSERT_GT(first.grants_size(), 0);
  for (const IssuanceGrant& grant : first.grants()) EXPECT_TRUE(grant.from_configuration());
  // Sent back as it was read, with one more.
  ApplyPolicyRequest request = With({}, 0);
  *request.mutable_grants() = first.grants();
  *request.add_grants() = Grant("requester/shop", {"shop.example.org"});
  request.set_comment("the shop's");
  EXPECT_EQ(Apply(request).added_size(), 1);
  const Policy now = Get();
  EXPECT_EQ(now.grants_size(), first.grants_size() + 1);
  EXPECT_EQ(now.version(), 1);
  EXPECT_EQ(now.creator(), "operator/alice");
  EXPECT_EQ(now.comment(), "the shop's");
  EXPECT_EQ(now.create_time().seconds(), absl::ToUnixSeconds(f_.clock().Now()));
  const Policy stored = Get(1);
  ASSERT_EQ(stored.grants_size(), 1);
  EXPECT_FALSE(stored.grants(0).from_configuration());
}

TEST_F(PolicyAdminTest, TheSameAgainIsNoNewVersion) {
  IssuanceGrant grant = Grant("requester/shop", {".b\xc3\xbc"
                                                 "cher.example",
                                                 "=192.0.2.0/24"});
  grant.add_key_types("p256");
  grant.add_cas("main");
  grant.add_profiles("");
  grant.mutable_quota()->set_orders_per_day(5);
  grant.set_reuse(issuer::v1::REUSE_NEVER);
  EXPECT_EQ(Apply(With({grant}, 0)).version(), 1);
  // Twice, and spelled otherwise.
  IssuanceGrant other = grant;
  other.set_names(0, "=192.0.2.0/24");
  other.set_names(1, ".XN--bcher-kva.Example");
  const ApplyPolicyResponse same = Apply(With({other, grant}, 1));
  EXPECT_EQ(same.version(), 1);
  EXPECT_EQ(same.added_size() + same.removed_size(), 0);
  const IssuanceGrant stored = Get(1).grants(0);
  EXPECT_EQ(stored.names(0), ".xn--bcher-kva.example");
  EXPECT_EQ(stored.quota().orders_per_day(), 5);
  EXPECT_EQ(stored.reuse(), issuer::v1::REUSE_NEVER);
  EXPECT_EQ(stored.profiles_size(), 1);
}

TEST_F(PolicyAdminTest, ADryRunChangesNothing) {
  ApplyPolicyRequest request = With({Grant("requester/shop", {"shop.example.org"})}, 0);
  request.set_dry_run(true);
  const ApplyPolicyResponse compared = Apply(request);
  EXPECT_EQ(compared.version(), 0);
  EXPECT_EQ(compared.added_size(), 1);
  EXPECT_EQ(Get().version(), 0);
  EXPECT_EQ(Order("requester/shop", "shop.example.org"), "NAME_NOT_GRANTED");
}

TEST_F(PolicyAdminTest, WhoSawAnotherVersionIsRefused) {
  Apply(With({Grant("requester/shop", {"shop.example.org"})}, 0));
  for (const bool dry_run : {false, true}) {
    ApplyPolicyRequest request = With({}, 0);
    request.set_dry_run(dry_run);
    const absl::Status status = Refused(request);
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
    EXPECT_EQ(ErrorReason(status), "VERSION_MISMATCH");
  }
  EXPECT_EQ(Get().version(), 1);
}

// A policy that is wrong anywhere leaves the one in force, whole.
TEST_F(PolicyAdminTest, AWrongPolicyChangesNothingAndNamesTheField) {
  Apply(With({Grant("requester/shop", {"shop.example.org"})}, 0));
  const IssuanceGrant good = Grant("requester/good", {"good.example.org"});
  IssuanceGrant key = good;
  key.add_key_types("dsa");
  IssuanceGrant ca = good;
  ca.add_cas("main");
  ca.add_cas("elsewhere");
  IssuanceGrant profile = good;
  profile.add_profiles("a\nb");
  IssuanceGrant quota = good;
  quota.mutable_quota()->set_orders_per_domain_per_day(-1);
  IssuanceGrant reuse = good;
  reuse.set_reuse(static_cast<issuer::v1::Reuse>(7));
  IssuanceGrant many = good;
  for (int i = 0; i < kMaxNamesPerGrant; ++i) many.add_names("good.example.org");
  const struct {
    IssuanceGrant grant;
    std::string field;
  } cases[] = {
      {Grant("shop", {"a.example.org"}), "grants[1].principal"},
      {Grant("agent/web1", {"a.example.org"}), "grants[1].principal"},
      {Grant("requester/shop", {}), "grants[1].names"},
      {Grant("requester/shop", {"a.example.org", "a*.example.org"}), "grants[1].names[1]"},
      {Grant("requester/shop", {"xn--\xc3\xbc.example"}), "grants[1].names[0]"},
      {many, "grants[1].names"},
      {key, "grants[1].key_types[0]"},
      {ca, "grants[1].cas"},
      {profile, "grants[1].profiles[0]"},
      {quota, "grants[1].quota.orders_per_domain_per_day"},
      {reuse, "grants[1].reuse"},
  };
  for (const auto& c : cases) {
    for (const bool dry_run : {false, true}) {
      ApplyPolicyRequest request = With({good, c.grant}, 1);
      request.set_dry_run(dry_run);
      const absl::Status status = Refused(request);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.field << ": " << status;
      EXPECT_EQ(ErrorMetadataOf(status)["field"], c.field) << status;
    }
  }
  EXPECT_EQ(Get().version(), 1);
  EXPECT_EQ(Order("requester/shop", "shop.example.org"), "");
  EXPECT_EQ(Order("requester/good", "good.example.org"), "NAME_NOT_GRANTED");
}

TEST_F(PolicyAdminTest, AtTheLimits) {
  ApplyPolicyRequest request = With({}, 0);
  for (int i = 0; i < kMaxGrants; ++i) {
    *request.add_grants() =
        Grant(absl::StrCat("requester/r", i), {absl::StrCat("n", i, ".example.org")});
  }
  request.set_comment(std::string(kMaxPolicyComment - 1, 'c') + "\xc3\xbc");
  EXPECT_EQ(Apply(request).added_size(), kMaxGrants);
  EXPECT_EQ(Order("requester/r9999", "n9999.example.org"), "");
  EXPECT_EQ(Order("requester/r9999", "n9998.example.org"), "NAME_NOT_GRANTED");
  request.set_expected_version(1);
  *request.add_grants() = Grant("requester/more", {"more.example.org"});
  EXPECT_EQ(ErrorMetadataOf(Refused(request))["field"], "grants");
  ApplyPolicyRequest comment = With({}, 1);
  comment.set_comment(std::string(kMaxPolicyComment + 1, 'c'));
  EXPECT_EQ(ErrorMetadataOf(Refused(comment))["field"], "comment");
  comment.set_comment("two\nlines");
  EXPECT_EQ(ErrorMetadataOf(Refused(comment))["field"], "comment");
  ApplyPolicyRequest large = With({}, 1);
  const std::string label(60, 'a');
  for (int i = 0; i < 60; ++i) {
    IssuanceGrant grant = Grant(absl::StrCat("requester/r", i), {});
    for (int j = 0; j < kMaxNamesPerGrant; ++j) {
      grant.add_names(absl::StrCat("n", j, ".", label, ".", label, ".", label, ".example.org"));
    }
    *large.add_grants() = grant;
  }
  EXPECT_EQ(ErrorMetadataOf(Refused(large))["field"], "grants");
}

TEST_F(PolicyAdminTest, HistoryInPages) {
  for (int i = 0; i < 5; ++i) {
    Apply(With({Grant("requester/shop", {absl::StrCat("n", i, ".example.org")})}, i));
  }
  issuer::v1::ListPoliciesRequest request;
  request.set_page_size(2);
  std::vector<int64_t> versions;
  do {
    const auto page = f_.policy_admin().List(kAlice, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->policies_size(), 2);
    for (const Policy& policy : page->policies()) {
      EXPECT_EQ(policy.grants_size(), 0);
      versions.push_back(policy.version());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(versions, (std::vector<int64_t>{5, 4, 3, 2, 1}));
  request.set_page_token("nonsense");
  EXPECT_EQ(ErrorReason(f_.policy_admin().List(kAlice, request).status()), "BAD_PAGE_TOKEN");
  issuer::v1::GetPolicyRequest get;
  get.set_version(6);
  EXPECT_EQ(ErrorReason(f_.policy_admin().Get(kAlice, get).status()), "POLICY_NOT_FOUND");
  get.set_version(-1);
  EXPECT_EQ(ErrorReason(f_.policy_admin().Get(kAlice, get).status()), "BAD_FIELD");
}

TEST_F(PolicyAdminTest, OneThatCannotBeReadIsReplacedWhole) {
  Apply(With({Grant("requester/shop", {"shop.example.org"})}, 0));
  ASSERT_TRUE(f_.database()
                  .Write([](sql::Connection& connection) {
                    return connection
                        .Execute("UPDATE policies SET record = $1", {sql::Blob{"\xff\xff"}})
                        .status();
                  })
                  .ok());
  EXPECT_EQ(ErrorReason(f_.policy_admin().Get(kAlice, {}).status()), "POLICY_UNREADABLE");
  EXPECT_EQ(Apply(With({}, 1)).version(), 2);
  EXPECT_EQ(Get().version(), 2);
}

}  // namespace
}  // namespace norroy::service
