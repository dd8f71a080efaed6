#include "issuer/service/renewals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "common/error/error.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {
namespace {

using ::testing::ElementsAre;

const rpc::Caller kAlice = CallerOf("operator/alice");
const rpc::Caller kWeb = CallerOf("requester/web");
const rpc::Caller kOther = CallerOf("requester/other");
const rpc::Caller kDeploy = CallerOf("requester/deploy");
constexpr absl::Duration kDay = absl::Hours(24);

class RenewalsTest : public ::testing::Test {
 protected:
  std::string Issue(const std::string& name = "www.example.com",
                    const crypto::PrivateKey& key = KeyA(), const std::string& renew = "",
                    std::optional<absl::Duration> automatic = std::nullopt) {
    issuer::v1::CreateOrderRequest request;
    if (renew.empty()) request.add_names(name);
    request.set_csr(CsrFor(key, {name}));
    request.set_renew(renew);
    if (renew.empty()) (*request.mutable_labels())["team"] = "shop";
    if (renew.empty()) request.add_finalizers("requester/deploy");
    if (automatic.has_value()) SetTime(*automatic, *request.mutable_auto_renew_until());
    const auto created = f_.orders().Create(kWeb, request);
    EXPECT_TRUE(created.ok()) << created.status();
    if (!created.ok()) return "";
    f_.Work();
    return f_.Get(created->order().id()).certificate_id();
  }
  void SetTime(absl::Duration from_now, google::protobuf::Timestamp& out) {
    out.set_seconds(absl::ToUnixSeconds(f_.clock().Now() + from_now));
  }
  absl::StatusOr<issuer::v1::Renewal> Get(const std::string& id, const rpc::Caller& caller) {
    issuer::v1::GetRenewalRequest request;
    request.set_certificate_id(id);
    auto response = f_.renewals().Get(caller, request);
    if (!response.ok()) return response.status();
    return response->renewal();
  }
  std::vector<std::string> List(const rpc::Caller& caller, bool due_only) {
    issuer::v1::ListRenewalsRequest request;
    if (due_only) SetTime(absl::ZeroDuration(), *request.mutable_due_by());
    request.set_page_size(1);
    std::vector<std::string> ids;
    do {
      const auto page = f_.renewals().List(caller, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const auto& renewal : page->renewals()) ids.push_back(renewal.certificate_id());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }
  absl::StatusOr<issuer::v1::Renewal> Update(const std::string& id, const rpc::Caller& caller,
                                             std::optional<absl::Duration> until) {
    issuer::v1::UpdateRenewalRequest request;
    request.set_certificate_id(id);
    if (until.has_value()) SetTime(*until, *request.mutable_auto_renew_until());
    auto response = f_.renewals().Update(caller, request);
    if (!response.ok()) return response.status();
    return response->renewal();
  }

  ServiceFixture f_;
};

TEST_F(RenewalsTest, OwnersSeeWhatIsDueTheMostUrgentFirst) {
  const std::string first = Issue("a.example.com");
  f_.clock().Advance(kDay * 20);
  const std::string second = Issue("b.example.com");
  EXPECT_THAT(List(kWeb, /*due_only=*/false), ElementsAre(first, second));
  EXPECT_THAT(List(kWeb, true), ElementsAre());
  f_.clock().Advance(kDay * 41);
  EXPECT_THAT(List(kWeb, true), ElementsAre(first));
  EXPECT_THAT(List(kAlice, true), ElementsAre(first));
  EXPECT_THAT(List(kDeploy, true), ElementsAre(first));
  EXPECT_THAT(List(kOther, true), ElementsAre());
  const auto due = Get(first, kWeb);
  ASSERT_TRUE(due.ok()) << due.status();
  EXPECT_EQ(due->state(), issuer::v1::RENEWAL_STATE_DUE);
  EXPECT_EQ(due->basis(), issuer::v1::RENEWAL_BASIS_LIFETIME);
  EXPECT_FALSE(due->has_auto_renew_until());
  EXPECT_EQ(Get(second, kWeb)->state(), issuer::v1::RENEWAL_STATE_SCHEDULED);
  EXPECT_TRUE(absl::IsNotFound(Get(first, kOther).status()));
}

TEST_F(RenewalsTest, AnOrderThatRenewsTakesOverWhatItIsNotTold) {
  const std::string id = Issue();
  const std::string next = Issue("www.example.com", KeyB(), id);
  ASSERT_NE(next, "");
  ASSERT_NE(next, id);
  const auto certificate = f_.store().GetCertificate(next);
  ASSERT_TRUE(certificate.ok());
  EXPECT_EQ(certificate->labels.at("team"), "shop");
  EXPECT_THAT(certificate->readers, ElementsAre("requester/deploy"));
  const auto over = Get(id, kWeb);
  EXPECT_EQ(over->state(), issuer::v1::RENEWAL_STATE_OVER);
  EXPECT_EQ(over->renewed_by(), next);
  EXPECT_THAT(List(kWeb, false), ElementsAre(next));
  EXPECT_EQ(f_.ca().orders().back().replaces, f_.ca().certificates().at(0).id);
  EXPECT_EQ(f_.Get(certificate->order_id).renews(), id);
}

// A key that serves on is asked for again and gets the certificate that there is; with `renew` it
// gets a new one.
TEST_F(RenewalsTest, RenewingIsNoRepeat) {
  const std::string id = Issue();
  EXPECT_EQ(Issue(), id);
  EXPECT_NE(Issue("www.example.com", KeyA(), id), id);
}

TEST_F(RenewalsTest, OnlyWhoSeesItRenewsItAndOnlyWithItsNames) {
  const std::string id = Issue("shop.example.com");
  issuer::v1::CreateOrderRequest request;
  request.set_renew(id);
  EXPECT_TRUE(absl::IsNotFound(f_.orders().Create(kOther, request).status()));
  request.set_renew("0123");
  EXPECT_TRUE(absl::IsNotFound(f_.orders().Create(kWeb, request).status()));
  request.set_renew(id);
  request.add_names("else.example.com");
  EXPECT_EQ(ErrorReason(f_.orders().Create(kWeb, request).status()), "OTHER_NAMES");
  request.set_names(0, "SHOP.example.com");
  EXPECT_TRUE(f_.orders().Create(kWeb, request).ok());
}

// Two hosts with the same names and keys of their own: each keeps its own renewal.
TEST_F(RenewalsTest, WhatTheIssuerRenewsIsNotEndedByAnotherKey) {
  const std::string automatic = Issue("www.example.com", KeyA(), "", 100 * kDay);
  const std::string other = Issue("www.example.com", KeyB());
  EXPECT_EQ(Get(automatic, kWeb)->state(), issuer::v1::RENEWAL_STATE_SCHEDULED);
  EXPECT_EQ(Get(other, kWeb)->state(), issuer::v1::RENEWAL_STATE_SCHEDULED);
}

TEST_F(RenewalsTest, ARepeatIsUsedUntilTheRenewalTimeAndNoLonger) {
  const std::string id = Issue();
  const absl::Time due = f_.renewal_rows().Get(id)->plan.time;
  f_.clock().Advance(due - f_.clock().Now() - absl::Seconds(1));
  EXPECT_EQ(Issue(), id);
  f_.clock().Advance(absl::Seconds(2));
  EXPECT_NE(Issue(), id);
}

TEST_F(RenewalsTest, WhoRenewsCanBeChanged) {
  const std::string id = Issue();
  const auto on = Update(id, kWeb, 100 * kDay);
  ASSERT_TRUE(on.ok()) << on.status();
  EXPECT_TRUE(on->has_auto_renew_until());
  EXPECT_EQ(ErrorReason(Update(id, kWeb, 399 * kDay).status()), "BAD_FIELD");
  EXPECT_EQ(ErrorReason(Update(id, kWeb, -kDay).status()), "BAD_FIELD");
  EXPECT_EQ(ErrorReason(Update(id, kDeploy, 100 * kDay).status()), "NOT_OWNER");
  EXPECT_TRUE(absl::IsNotFound(Update(id, kOther, 100 * kDay).status()));
  const auto off = Update(id, kAlice, std::nullopt);
  ASSERT_TRUE(off.ok()) << off.status();
  EXPECT_FALSE(off->has_auto_renew_until());
  const std::string next = Issue("www.example.com", KeyB(), id);
  EXPECT_EQ(ErrorReason(Update(id, kWeb, 100 * kDay).status()), "RENEWAL_OVER");
  EXPECT_TRUE(Update(next, kWeb, 100 * kDay).ok());
}

TEST_F(RenewalsTest, ARepeatTakesOverTheWishToBeRenewed) {
  const std::string id = Issue();
  EXPECT_EQ(Issue("www.example.com", KeyA(), "", 50 * kDay), id);
  EXPECT_TRUE(Get(id, kWeb)->has_auto_renew_until());
}

TEST_F(RenewalsTest, AnOperatorMayHaveTheCaAskedNowOnceAMinute) {
  const std::string id = Issue();
  issuer::v1::RefreshRenewalRequest request;
  request.set_certificate_id(id);
  const auto asked = f_.renewals().Refresh(kAlice, request);
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->renewal().basis(), issuer::v1::RENEWAL_BASIS_WINDOW);
  EXPECT_EQ(ErrorReason(f_.renewals().Refresh(kAlice, request).status()), "ASKED_LATELY");
  f_.clock().Advance(absl::Minutes(2));
  f_.ca().Script(fakes::Endpoint::kRenewalInfo,
                 fakes::Fault::Problem(404, "malformed", "no such certificate"));
  EXPECT_FALSE(f_.renewals().Refresh(kAlice, request).ok());
  EXPECT_EQ(f_.ca().count(fakes::Endpoint::kRenewalInfo), 2);
}

TEST_F(RenewalsTest, AWatchTellsWhatIsTrueAndWhatCameOfIt) {
  const std::string id = Issue("www.example.com", KeyA(), "", 100 * kDay);
  f_.keeper().RunDue();
  std::vector<issuer::v1::WatchRenewalsResponse> told;
  std::optional<absl::Status> finished;
  const auto stop = f_.renewals().Watch(
      kWeb, {[&](issuer::v1::WatchRenewalsResponse state) { told.push_back(std::move(state)); },
             [&](const absl::Status& status) { finished = status; }});
  std::vector<issuer::v1::WatchRenewalsResponse> others;
  const auto stop_other = f_.renewals().Watch(
      kOther, {[&](issuer::v1::WatchRenewalsResponse state) { others.push_back(std::move(state)); },
               [](const absl::Status&) {}});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].renewals_size(), 0);
  f_.timers().Advance(absl::Minutes(1));
  EXPECT_EQ(told.size(), 1u);
  // Months at once: the watch looks every few seconds.
  f_.clock().Advance(f_.renewal_rows().Get(id)->plan.time - f_.clock().Now());
  f_.timers().Advance(absl::Seconds(5));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].renewals(0).state(), issuer::v1::RENEWAL_STATE_DUE);
  f_.keeper().RunDue();
  f_.timers().Advance(absl::Seconds(3));
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[2].renewals(0).state(), issuer::v1::RENEWAL_STATE_ORDERED);
  f_.Work(absl::ZeroDuration());
  f_.timers().Advance(absl::Seconds(3));
  ASSERT_EQ(told.size(), 4u);
  EXPECT_EQ(told[3].renewals(0).state(), issuer::v1::RENEWAL_STATE_OVER);
  EXPECT_NE(told[3].renewals(0).renewed_by(), "");
  f_.timers().Advance(absl::Minutes(6));
  ASSERT_EQ(told.size(), 5u);
  EXPECT_EQ(told[4].renewals_size(), 0);
  stop();
  stop_other();
  EXPECT_FALSE(finished.has_value());
  EXPECT_EQ(others.size(), 1u);
}

}  // namespace
}  // namespace norroy::service
