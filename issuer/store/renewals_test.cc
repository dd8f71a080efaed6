#include "issuer/store/renewals.h"

#include <gmock/gmock.h>

#include "common/error/error.h"
#include "issuer/store/store_fixture.h"
#include "issuer/store/warm_names.h"

namespace norroy::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kDay = absl::Hours(24);

class RenewalsContract : public StoreContract {
 protected:
  void SetUp() override {
    StoreContract::SetUp();
    renewals_.emplace(*database_, "issuer");
    warm_names_.emplace(*database_, "issuer");
  }
  // Of this creator and key; it renews `renews`.
  void Issue(const std::string& id, const std::string& creator, const std::string& key,
             const std::string& renews = "", absl::Duration automatic = -kDay) {
    flow::Order order = NewOrder("order-" + id, now_);
    order.creator = creator;
    order.renews = renews;
    if (automatic > absl::ZeroDuration()) order.auto_renew_until = now_ + automatic;
    Finish(order, NewCertificate(id, order, now_, key));
    now_ += absl::Seconds(1);
  }
  Renewal Get(const std::string& id) {
    const auto renewal = renewals_->Get(id);
    EXPECT_TRUE(renewal.ok()) << renewal.status();
    return renewal.ok() ? *renewal : Renewal();
  }
  static std::vector<std::string> IdsOf(const absl::StatusOr<std::vector<Renewal>>& renewals) {
    std::vector<std::string> ids;
    EXPECT_TRUE(renewals.ok()) << renewals.status();
    if (!renewals.ok()) return ids;
    for (const Renewal& renewal : *renewals) ids.push_back(renewal.certificate_id);
    return ids;
  }

  std::optional<Renewals> renewals_;
  std::optional<WarmNames> warm_names_;
};

TEST_P(RenewalsContract, BeginsWithTheCertificate) {
  Issue("a1", "requester/web", "k1", "", 100 * kDay);
  const Renewal renewal = Get("a1");
  EXPECT_EQ(renewal.names, Names({"www.example.com"}));
  EXPECT_EQ(renewal.plan.basis, renewal::Basis::kLifetime);
  EXPECT_EQ(renewal.act_time(), renewal.plan.time);
  EXPECT_FALSE(renewal.over);
  EXPECT_FALSE(renewal.is_renewal);
  EXPECT_EQ(store_->GetCertificate("a1")->renewal_time, renewal.plan.time);
  EXPECT_EQ(ErrorReason(renewals_->Get("none").status()), "CERTIFICATE_NOT_FOUND");
}

TEST_P(RenewalsContract, EndsThoseWhosePlaceIsTaken) {
  Issue("a1", "requester/web", "k1");
  Issue("a2", "requester/other", "k2");  // another owner's
  Issue("a3", "requester/web", "k3", "", 100 * kDay);
  EXPECT_EQ(Get("a1").renewed_by, "a3");
  EXPECT_FALSE(Get("a2").over);
  Issue("a4", "requester/web", "k4");  // what the issuer renews goes on under another key
  EXPECT_FALSE(Get("a3").over);
  Issue("a5", "requester/web", "k3");  // with its own key it does not, and the wish stays
  EXPECT_EQ(Get("a3").renewed_by, "a5");
  EXPECT_EQ(Get("a5").auto_renew_until, Get("a3").auto_renew_until);
  EXPECT_TRUE(Get("a5").is_renewal);
  Issue("a6", "operator/alice", "k6", "a2");  // by name
  EXPECT_EQ(Get("a2").renewed_by, "a6");
  EXPECT_FALSE(Get("a5").over);
}

TEST_P(RenewalsContract, ListsTheSoonestFirstInPages) {
  for (const char* id : {"a1", "a2", "a3"}) {
    Issue(id, std::string("requester/") + id, id);
    now_ += 10 * kDay;
  }
  EXPECT_THAT(IdsOf(renewals_->List({}, {}, 10)), ElementsAre("a1", "a2", "a3"));
  EXPECT_THAT(IdsOf(renewals_->List({}, {Get("a1").plan.time, "a1"}, 1)), ElementsAre("a2"));
  EXPECT_THAT(IdsOf(renewals_->List({.reader = "requester/a2"}, {}, 10)), ElementsAre("a2"));
  EXPECT_THAT(IdsOf(renewals_->List({.due_by = Get("a2").plan.time}, {}, 10)),
              ElementsAre("a1", "a2"));
  ASSERT_TRUE(store_->NoteRevoked("a1", 0, now_, {.action = "certificate.revoke"}).ok());
  EXPECT_THAT(IdsOf(renewals_->List({}, {}, 10)), ElementsAre("a2", "a3"));
  EXPECT_THAT(IdsOf(renewals_->List({.with_over = true}, {}, 10)), ElementsAre("a1", "a2", "a3"));
  EXPECT_THAT(IdsOf(renewals_->Ended(std::nullopt, now_, 10)), ElementsAre("a1"));
  EXPECT_THAT(IdsOf(renewals_->Ended(std::string("requester/a2"), now_, 10)), IsEmpty());
}

TEST_P(RenewalsContract, WhatOneTakesNoOtherDoes) {
  Issue("a1", "requester/a1", "k1", "", 100 * kDay);
  Issue("a2", "requester/a2", "k2", "", 100 * kDay);
  const absl::Time due = std::max(Get("a1").plan.time, Get("a2").plan.time);
  EXPECT_EQ(*renewals_->CountActs(due), 2);
  EXPECT_THAT(IdsOf(renewals_->TakeActs(due, due + absl::Minutes(2), 1)), ElementsAre("a1"));
  EXPECT_THAT(IdsOf(renewals_->TakeActs(due, due + absl::Minutes(2), 10)), ElementsAre("a2"));
  EXPECT_THAT(IdsOf(renewals_->TakeActs(due, due + absl::Minutes(2), 10)), IsEmpty());
  EXPECT_EQ(renewals_->TakeActs(due + absl::Minutes(2), due, 10)->size(), 2u);
  const absl::Time poll = now_ + absl::Minutes(2);
  EXPECT_EQ(*renewals_->CountPolls("letsencrypt", poll), 2);
  EXPECT_EQ(*renewals_->CountPolls("other", poll), 0);
  EXPECT_THAT(IdsOf(renewals_->TakePolls("other", poll, poll + kDay, 10)), IsEmpty());
  EXPECT_EQ(renewals_->TakePolls("letsencrypt", poll, poll + kDay, 10)->size(), 2u);
  EXPECT_THAT(IdsOf(renewals_->TakePolls("letsencrypt", poll, poll + kDay, 10)), IsEmpty());
}

TEST_P(RenewalsContract, AnUpdateIsKeptWhole) {
  Issue("a1", "requester/web", "k1");
  const auto updated = renewals_->Update(
      "a1",
      [&](Renewal& row) {
        row.plan = {now_ + kDay, renewal::Basis::kUrged, acme::RenewalWindow{now_ - kDay, now_}};
        row.explanation_url = "https://ca.test/why";
        row.poll_time = now_ + absl::Hours(6);
        row.poll_success_time = now_;
        row.poll_failures = 3;
        row.auto_renew_until = now_ + 9 * kDay;
        row.order_id = "o1";
        row.attempts = 2;
        row.attempt_time = now_ + 2 * kDay;
        row.error_reason = "SOME";
        row.error_message = "some \xff thing";
        row.change_time = now_;
        return absl::OkStatus();
      },
      audit::Entry{.principal = "operator/alice", .action = "renewal.update"}, now_);
  ASSERT_TRUE(updated.ok()) << updated.status();
  const Renewal read = Get("a1");
  EXPECT_EQ(read.plan, updated->plan);
  EXPECT_EQ(read.explanation_url, "https://ca.test/why");
  EXPECT_EQ(read.poll_time, now_ + absl::Hours(6));
  EXPECT_EQ(read.poll_success_time, now_);
  EXPECT_EQ(read.poll_failures, 3);
  EXPECT_EQ(read.auto_renew_until, now_ + 9 * kDay);
  EXPECT_EQ(read.order_id, "o1");
  EXPECT_EQ(read.attempts, 2);
  EXPECT_EQ(read.act_time(), now_ + 2 * kDay);
  EXPECT_EQ(read.error_reason, "SOME");
  EXPECT_EQ(read.error_message, "some \xff thing");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit WHERE action = 'renewal.update'"), 1);
  const auto refused = renewals_->Update("a1", [](Renewal& row) {
    row.attempts = 99;
    return absl::AbortedError("no");
  });
  EXPECT_TRUE(absl::IsAborted(refused.status()));
  EXPECT_EQ(Get("a1").attempts, 2);
}

TEST_P(RenewalsContract, CertificatesOfBeforeAreAdopted) {
  Issue("a1", "requester/web", "k1");
  Issue("a2", "requester/web", "k2");
  Issue("b1", "requester/other", "k3");
  Tamper("DELETE FROM renewals");
  EXPECT_EQ(store_->GetCertificate("a1")->renewal_time, now_ - absl::Seconds(3) + 60 * kDay);
  EXPECT_TRUE(*renewals_->Adopt(2));
  EXPECT_FALSE(*renewals_->Adopt(2));
  EXPECT_FALSE(*renewals_->Adopt(2));
  EXPECT_EQ(Get("a1").renewed_by, "a2");
  EXPECT_FALSE(Get("a2").over);
  EXPECT_FALSE(Get("b1").over);
}

TEST_P(RenewalsContract, WarmNamesAreKept) {
  const WarmName one{.key = {Names({"a.example.com"})[0], "le", ""},
                     .creator = "requester/web",
                     .create_time = now_,
                     .act_time = now_};
  WarmName two = one;
  two.key.profile = "tlsserver";
  const audit::Entry entry{.principal = "requester/web", .action = "warm.add"};
  ASSERT_EQ(warm_names_->Add({one, two, one}, 10, entry, now_)->size(), 3u);
  EXPECT_EQ(ErrorReason(warm_names_->Add({two}, 1, entry, now_).status()), "TOO_MANY_WARM_NAMES");
  EXPECT_EQ(warm_names_->List(std::nullopt, std::nullopt, 10)->size(), 2u);
  EXPECT_EQ(warm_names_->List(std::nullopt, one.key, 10)->front().key, two.key);
  EXPECT_EQ(warm_names_->List(std::string("requester/other"), std::nullopt, 10)->size(), 0u);
  EXPECT_EQ(warm_names_->TakeDue(now_, now_ + absl::Minutes(2), 10)->size(), 2u);
  EXPECT_EQ(warm_names_->TakeDue(now_, now_ + absl::Minutes(2), 10)->size(), 0u);
  EXPECT_EQ(*warm_names_->NextDue(), now_ + absl::Minutes(2));
  ASSERT_TRUE(warm_names_
                  ->Update(one.key,
                           [&](WarmName& row) {
                             row.authorization_url = "https://ca.test/authz/1";
                             row.valid_until = now_ + kDay;
                             row.act_time = now_ + kDay;
                             row.order_id = "o1";
                             row.attempts = 4;
                             row.error_reason = "SOME";
                           })
                  .ok());
  // No such authorization is known (any more).
  EXPECT_EQ(*warm_names_->NoteLost(now_), 1);
  const WarmName lost = warm_names_->List(std::nullopt, std::nullopt, 1)->front();
  EXPECT_EQ(lost.authorization_url, "");
  EXPECT_EQ(lost.act_time, now_);
  EXPECT_EQ(lost.order_id, "o1");
  EXPECT_EQ(lost.attempts, 4);
  EXPECT_EQ(*warm_names_->Remove({one.key}, std::string("requester/other"), entry, now_), 0);
  EXPECT_EQ(*warm_names_->Remove({one.key}, std::string("requester/web"), entry, now_), 1);
  EXPECT_EQ(*warm_names_->Remove({one.key, two.key}, std::nullopt, entry, now_), 1);
}

INSTANTIATE_TEST_SUITE_P(On, RenewalsContract, testing::ValuesIn(sql::TestedKinds()),
                         sql::KindName);

}  // namespace
}  // namespace norroy::store
