#include "issuer/renewal/warmer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/service/service_fixture.h"

namespace norroy::renewal {
namespace {

using fakes::Endpoint;
using fakes::Fault;
using service::CallerOf;
using service::CsrFor;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::Duration kDay = absl::Hours(24);
constexpr char kWww[] = "www.example.com";

TEST(NextProof, IsBeforeTheCaCeasesToReuse) {
  const absl::Time now = absl::FromUnixSeconds(1'772'366'400);
  const struct {
    absl::Duration left, wait;
  } cases[] = {
      {30 * kDay, 30 * kDay - absl::Hours(20)},
      {absl::Hours(7), absl::Hours(7) - absl::Hours(7) / 8},
      {absl::Hours(1), absl::Hours(1) - absl::Hours(1) / 8},
      {absl::Minutes(59), absl::Minutes(59) + absl::Seconds(1)},
      {absl::ZeroDuration(), absl::Seconds(61)},
      {-kDay, absl::Seconds(61)},
  };
  for (const auto& c : cases) EXPECT_EQ(NextProof(now + c.left, now) - now, c.wait) << c.left;
}

class WarmerTest : public ::testing::Test {
 protected:
  absl::StatusOr<issuer::v1::AddWarmNamesResponse> Add(const std::vector<std::string>& names,
                                                       const std::string& who = "requester/web") {
    issuer::v1::AddWarmNamesRequest request;
    for (const std::string& name : names) request.add_names(name);
    return f_.warm_names().Add(CallerOf(who), request);
  }
  std::vector<issuer::v1::WarmName> List(const std::string& who = "operator/alice") {
    const auto list = f_.warm_names().List(CallerOf(who), {});
    EXPECT_TRUE(list.ok()) << list.status();
    return {list->warm_names().begin(), list->warm_names().end()};
  }
  void Run(absl::Duration time) {
    const absl::Time end = f_.clock().Now() + time;
    while (f_.clock().Now() < end) {
      const absl::Duration next = f_.warmer().RunDue();
      f_.Work(absl::ZeroDuration());
      f_.clock().Advance(std::min({next, end - f_.clock().Now(), absl::Seconds(10)}));
    }
  }
  issuer::v1::Order Order(const std::vector<std::string>& names) {
    issuer::v1::CreateOrderRequest request;
    for (const std::string& name : names) request.add_names(name);
    const auto created = f_.orders().Create(CallerOf("requester/web"), request);
    EXPECT_TRUE(created.ok()) << created.status();
    return created->order();
  }
  absl::Time Until(const issuer::v1::WarmName& name) {
    return absl::FromUnixSeconds(name.valid_until().seconds());
  }

  service::ServiceFixture f_;
};

TEST_F(WarmerTest, AnOrderForWarmNamesIsReadyAtOnceAndCostsFourRequests) {
  ASSERT_TRUE(Add({kWww, "api.example.com"}).ok());
  Run(absl::Minutes(1));
  for (const issuer::v1::WarmName& name : List()) {
    EXPECT_EQ(name.state(), issuer::v1::WARM_STATE_WARM) << name.name() << name.error_message();
    EXPECT_GT(Until(name), f_.clock().Now() + 29 * kDay);
  }
  EXPECT_EQ(f_.ca().certificates_issued(), 0);
  // Each other chain is one more request.
  f_.ca().Change([](fakes::FakeCaOptions& options) { options.alternate_chains = 0; });
  const size_t before = f_.ca().requests().size();
  const issuer::v1::Order order = Order({kWww, "api.example.com"});
  f_.Work(absl::ZeroDuration());
  EXPECT_EQ(f_.Get(order.id()).state(), issuer::v1::ORDER_STATE_READY);
  EXPECT_EQ(f_.ca().requests().size() - before, 1u);  // newOrder
  issuer::v1::FinalizeOrderRequest finalize;
  finalize.set_id(order.id());
  finalize.set_csr(CsrFor(service::KeyA(), {kWww, "api.example.com"}));
  ASSERT_TRUE(f_.orders().Finalize(CallerOf("requester/web"), finalize).ok());
  f_.Work(absl::ZeroDuration());
  EXPECT_EQ(f_.Get(order.id()).state(), issuer::v1::ORDER_STATE_VALID);
  // And: the order, finalize, the certificate.
  std::vector<Endpoint> requests;
  for (size_t i = before; i < f_.ca().requests().size(); ++i) {
    requests.push_back(f_.ca().requests()[i].endpoint);
  }
  EXPECT_THAT(requests, testing::ElementsAre(Endpoint::kNewOrder, Endpoint::kOrder,
                                             Endpoint::kFinalize, Endpoint::kCertificate));
  EXPECT_THAT(f_.ca().violations(), IsEmpty());
}

TEST_F(WarmerTest, ProvesAnewBeforeTheCaReusesNoLonger) {
  ASSERT_TRUE(Add({kWww}).ok());
  Run(absl::Minutes(1));
  const int attempts = f_.ca().count(Endpoint::kChallenge);
  EXPECT_EQ(attempts, 1);
  f_.clock().Advance(30 * kDay - absl::Hours(21));
  Run(absl::Minutes(1));
  EXPECT_EQ(f_.ca().count(Endpoint::kNewOrder), 1);
  // This CA reuses until the end: it is asked again as soon as that has come.
  Run(absl::Hours(22));
  EXPECT_EQ(f_.ca().count(Endpoint::kChallenge), 2);
  const auto names = List();
  EXPECT_EQ(names[0].state(), issuer::v1::WARM_STATE_WARM);
  EXPECT_GT(Until(names[0]), f_.clock().Now() + 29 * kDay);
  EXPECT_LE(f_.ca().count(Endpoint::kNewOrder), 6);
}

TEST_F(WarmerTest, AnAuthorizationThatIsLostIsProvedAnewAndOrdersFallBack) {
  ASSERT_TRUE(Add({kWww}).ok());
  Run(absl::Minutes(1));
  f_.ca().SetAuthorizationStatus(kWww, "revoked");
  // Nobody told us: the order proves the name as any other does.
  const issuer::v1::Order order = Order({kWww});
  f_.Work(absl::Seconds(10));
  EXPECT_EQ(f_.Get(order.id()).state(), issuer::v1::ORDER_STATE_READY);
  EXPECT_EQ(f_.ca().count(Endpoint::kChallenge), 2);
  // Where it is known to be withdrawn, the name is proved anew.
  ASSERT_GT(*f_.authorizations().Withdraw({kWww}, "a test", f_.clock().Now()), 0);
  for (const fakes::AuthorizationRecord& authorization : f_.ca().authorizations()) {
    f_.ca().SetAuthorizationStatus(authorization.name, "deactivated");
  }
  Run(absl::Minutes(2));
  EXPECT_EQ(List()[0].state(), issuer::v1::WARM_STATE_WARM);
  EXPECT_EQ(f_.ca().count(Endpoint::kChallenge), 3);
}

TEST_F(WarmerTest, WhatFailsIsShownAndTriedAgain) {
  f_.solver().SetPlan(service::NameOf(kWww), {});
  ASSERT_TRUE(Add({kWww}).ok());
  Run(absl::Seconds(20));
  issuer::v1::WarmName name = List()[0];
  EXPECT_EQ(name.state(), issuer::v1::WARM_STATE_COLD);
  EXPECT_EQ(name.error_reason(), "NO_RESPONDER");
  EXPECT_EQ(f_.ca().count(Endpoint::kNewOrder), 0);
  f_.solver().SetPlan(service::NameOf(kWww), {{challenge::ChallengeType::kHttp01, {"web1"}, {}}});
  Run(absl::Minutes(3));
  name = List()[0];
  EXPECT_EQ(name.state(), issuer::v1::WARM_STATE_WARM);
  EXPECT_EQ(name.error_reason(), "");
}

TEST_F(WarmerTest, GoesSlowly) {
  std::vector<std::string> names;
  // Fewer than the quota of a registered domain.
  for (int i = 0; i < 45; ++i) names.push_back(absl::StrCat("n", i, ".example.com"));
  ASSERT_TRUE(Add(names).ok());
  Run(absl::Minutes(5));
  EXPECT_GE(f_.ca().count(Endpoint::kNewOrder), 20);
  EXPECT_LE(f_.ca().count(Endpoint::kNewOrder), 26);
  Run(absl::Hours(1));
  EXPECT_EQ(f_.ca().count(Endpoint::kNewOrder), 45);
}

TEST_F(WarmerTest, GrantsAreNeededAndStaySomebodys) {
  EXPECT_EQ(ErrorReason(Add({"www.example.net"}).status()), "NAME_NOT_GRANTED");
  EXPECT_EQ(ErrorReason(Add({"not a name"}).status()), "BAD_NAME");
  EXPECT_EQ(ErrorReason(Add({}).status()), "BAD_FIELD");
  ASSERT_TRUE(Add({kWww, "a.example.com"}).ok());
  ASSERT_TRUE(Add({kWww}, "operator/alice").ok());
  EXPECT_EQ(List().size(), 2u);
  EXPECT_EQ(List("requester/web").size(), 2u);
  EXPECT_EQ(List("requester/other").size(), 0u);
  issuer::v1::RemoveWarmNamesRequest remove;
  remove.add_names(kWww);
  EXPECT_EQ(f_.warm_names().Remove(CallerOf("requester/other"), remove)->removed(), 0);
  EXPECT_EQ(f_.warm_names().Remove(CallerOf("requester/web"), remove)->removed(), 1);
  remove.set_names(0, "a.example.com");
  EXPECT_EQ(f_.warm_names().Remove(CallerOf("operator/alice"), remove)->removed(), 1);
  Run(absl::Minutes(1));
  EXPECT_EQ(f_.ca().count(Endpoint::kNewOrder), 0);
}

TEST_F(WarmerTest, ListsPages) {
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) names.push_back(absl::StrCat("n", i, ".example.com"));
  ASSERT_TRUE(Add(names).ok());
  issuer::v1::ListWarmNamesRequest request;
  request.set_page_size(2);
  std::vector<std::string> listed;
  do {
    const auto page = f_.warm_names().List(CallerOf("operator/alice"), request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->warm_names_size(), 2);
    for (const auto& name : page->warm_names()) listed.push_back(name.name());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, names);
  request.set_page_token("nonsense");
  EXPECT_EQ(ErrorReason(f_.warm_names().List(CallerOf("operator/alice"), request).status()),
            "BAD_FIELD");
}

}  // namespace
}  // namespace norroy::renewal
