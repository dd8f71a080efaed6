#include "issuer/service/rate_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/flow/budget.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {
namespace {

using issuer::v1::PlanOrdersRequest;
using issuer::v1::PlanOrdersResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const rpc::Caller kAlice = CallerOf("operator/alice");
const rpc::Caller kWeb = CallerOf("requester/web");

// 240 and 40 are for new orders, and one more each 45 s and 252 min.
limits::KnownCas LikeLetsEncrypt() {
  return {{"main",
           {"https://main.test/dir",
            limits::PublishedBy("https://acme-v02.api.letsencrypt.org/directory")}},
          {"second", {"https://second.test/dir", {}}}};
}

class RateLimitsTest : public ::testing::Test {
 protected:
  // An order that draws, or waits.
  void Draw(const std::string& name) {
    issuer::v1::CreateOrderRequest request;
    request.add_names(name);
    const auto created = f_.orders().Create(kAlice, request);
    ASSERT_TRUE(created.ok()) << created.status();
    const auto leased =
        f_.store().TakeOrder(created->order().id(), "test", f_.clock().Now(), absl::Minutes(5));
    ASSERT_TRUE(leased.ok() && leased->has_value());
    ASSERT_TRUE(
        budget_.Draw((*leased)->order, /*replaces=*/false, (*leased)->lease, f_.clock().Now())
            .ok());
  }
  void DrawMany(int count, const std::string& domain) {
    for (int i = 0; i < count; ++i) Draw(absl::StrCat("n", i, ".", domain));
  }
  absl::Duration FromNow(const google::protobuf::Timestamp& time) {
    return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()) -
           f_.clock().Now();
  }
  PlanOrdersResponse Plan(const PlanOrdersRequest& request) {
    const auto plan = limits_.Plan(kAlice, request);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.ok() ? *plan : PlanOrdersResponse();
  }
  std::string Refusal(const rpc::Caller& caller, const PlanOrdersRequest& request) {
    return ErrorReason(limits_.Plan(caller, request).status());
  }

  ServiceFixture f_;
  store::Ledger ledger_{f_.database()};
  flow::Budget budget_{ledger_, f_.store(), LikeLetsEncrypt()};
  RateLimits limits_{
      {ledger_, f_.store(), f_.accounts(), f_.policy(), LikeLetsEncrypt(), f_.clock()}};
};

TEST_F(RateLimitsTest, ListsWhatIsLeftTheScarcestDomainsFirst) {
  DrawMany(3, "example.com");
  DrawMany(42, "example.net");
  const auto list = limits_.List({});
  ASSERT_TRUE(list.ok()) << list.status();
  std::vector<std::string> rows;
  for (const issuer::v1::RateLimit& limit : list->rate_limits()) {
    EXPECT_EQ(limit.ca(), "main");
    rows.push_back(absl::StrCat(limit.limit(), " ", limit.subject(), " ", limit.left(), " of ",
                                limit.count(), ", ", limit.waiting()));
  }
  EXPECT_THAT(rows, ElementsAre("new_orders_per_account  197 of 300, 0",
                                "certificates_per_domain example.net 0 of 50, 2",
                                "certificates_per_domain example.com 37 of 50, 0"));
  // Behind the two that wait.
  EXPECT_EQ(FromNow(list->rate_limits(1).next_time()), 3 * absl::Minutes(252));
  EXPECT_EQ(FromNow(list->rate_limits(2).next_time()), absl::ZeroDuration());
}

TEST_F(RateLimitsTest, ListsTheDomainsThatAreAskedFor) {
  DrawMany(1, "example.com");
  issuer::v1::ListRateLimitsRequest request;
  request.set_ca("main");
  request.add_names("*.shop.example.org");
  const auto list = limits_.List(request);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->rate_limits_size(), 2);
  EXPECT_EQ(list->rate_limits(1).subject(), "example.org");
  EXPECT_EQ(list->rate_limits(1).left(), 40);
  request.set_ca("unknown");
  EXPECT_EQ(ErrorReason(limits_.List(request).status()), "CA_UNKNOWN");
}

TEST_F(RateLimitsTest, ListsWhatTheCaAskedFor) {
  const absl::Time until = f_.clock().Now() + absl::Hours(2);
  ASSERT_TRUE(f_.store().SetHold(store::CaScope("second"), until).ok());
  const auto list = limits_.List({});
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->holds_size(), 1);
  EXPECT_EQ(list->holds(0).ca(), "second");
  EXPECT_EQ(FromNow(list->holds(0).until()), absl::Hours(2));
  f_.clock().Advance(absl::Hours(2));
  EXPECT_EQ(limits_.List({})->holds_size(), 0);
}

TEST_F(RateLimitsTest, PlansSoManyNames) {
  PlanOrdersRequest request;
  request.set_name_count(300);
  PlanOrdersResponse plan = Plan(request);
  EXPECT_EQ(plan.certificates(), 300);
  EXPECT_EQ(FromNow(plan.first_time()), absl::ZeroDuration());
  EXPECT_EQ(FromNow(plan.last_time()), 60 * absl::Seconds(45));
  ASSERT_EQ(plan.rate_limits_size(), 1);
  EXPECT_EQ(plan.rate_limits(0).orders(), 300);
  request.set_names_per_certificate(100);
  plan = Plan(request);
  EXPECT_EQ(plan.certificates(), 3);
  EXPECT_EQ(FromNow(plan.last_time()), absl::ZeroDuration());
}

TEST_F(RateLimitsTest, PlansNamesByTheirDomains) {
  PlanOrdersRequest request;
  for (int i = 0; i < 45; ++i) {
    request.add_names(absl::StrCat("n", i, ".example.com"));
    request.add_names(absl::StrCat("www.example", i, ".net"));
  }
  PlanOrdersResponse plan = Plan(request);
  EXPECT_EQ(plan.certificates(), 90);
  // example.com is the slowest: 40 at once, 5 one by one.
  ASSERT_GT(plan.rate_limits_size(), 2);
  EXPECT_EQ(plan.rate_limits(0).rate_limit().subject(), "example.com");
  EXPECT_EQ(plan.rate_limits(0).orders(), 45);
  EXPECT_EQ(FromNow(plan.last_time()), 5 * absl::Minutes(252));
  request.set_names_per_certificate(10);
  plan = Plan(request);
  EXPECT_EQ(plan.certificates(), 9);
  EXPECT_EQ(FromNow(plan.last_time()), absl::ZeroDuration());
}

TEST_F(RateLimitsTest, TheFirstIsTheOneWhoseDomainHasSomething) {
  DrawMany(41, "example.com");
  PlanOrdersRequest request;
  request.add_names("new.example.com");
  PlanOrdersResponse plan = Plan(request);
  EXPECT_EQ(FromNow(plan.first_time()), 2 * absl::Minutes(252));
  EXPECT_EQ(plan.first_time().seconds(), plan.last_time().seconds());
  request.add_names("new.example.net");
  plan = Plan(request);
  EXPECT_EQ(FromNow(plan.first_time()), absl::ZeroDuration());
}

TEST_F(RateLimitsTest, WhereNoLimitIsKnownAllIsAtOnce) {
  PlanOrdersRequest request;
  request.set_ca("second");
  request.set_name_count(10000);
  const PlanOrdersResponse plan = Plan(request);
  EXPECT_EQ(FromNow(plan.last_time()), absl::ZeroDuration());
  EXPECT_EQ(plan.rate_limits_size(), 0);
}

TEST_F(RateLimitsTest, PlansRefuseWhatMakesNoSense) {
  PlanOrdersRequest request;
  EXPECT_EQ(Refusal(kAlice, request), "BAD_FIELD");
  request.set_name_count(10001);
  EXPECT_EQ(Refusal(kAlice, request), "BAD_FIELD");
  request.set_name_count(1);
  request.add_names("www.example.com");
  EXPECT_EQ(Refusal(kAlice, request), "BAD_FIELD");
  request.clear_name_count();
  EXPECT_EQ(Refusal(kAlice, request), "");
  request.set_names_per_certificate(101);
  EXPECT_EQ(Refusal(kAlice, request), "BAD_FIELD");
  request.clear_names_per_certificate();
  request.clear_names();
  request.set_name_count(1);
  EXPECT_EQ(Refusal(kWeb, request), "BAD_FIELD");
  request.clear_name_count();
  request.add_names("no name");
  EXPECT_NE(Refusal(kAlice, request), "");
}

TEST_F(RateLimitsTest, RequestersPlanTheirOwnNamesOnly) {
  PlanOrdersRequest request;
  request.add_names("www.example.com");
  EXPECT_EQ(Refusal(kWeb, request), "");
  request.add_names("www.example.org");
  EXPECT_THAT(limits_.Plan(kWeb, request).status().message(), HasSubstr("www.example.org"));
}

}  // namespace
}  // namespace norroy::service
