// The authorizations that may be valid: noted with the orders, withdrawn by name or with their
// order, forgotten.

#include "issuer/store/authorizations.h"

#include <memory>
#include <string>
#include <vector>

#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

constexpr char kAccount[] = "https://ca/account/1";

class AuthorizationsContract : public StoreContract {
 protected:
  void SetUp() override {
    StoreContract::SetUp();
    authorizations_ = std::make_unique<Authorizations>(*database_, "issuer");
    AccountRecord account;
    account.ca = "test";
    account.url = kAccount;
    account.create_time = now_;
    ASSERT_TRUE(store_->PutAccount(account).ok());
  }

  static std::string UrlOf(const std::string& name) { return "https://ca/authz/" + name; }

  // An order whose names are valid, saved in that state.
  flow::Order SaveValid(const std::string& id, const std::vector<std::string>& names,
                        bool reuse_never = false, flow::State state = flow::State::kFinalizing) {
    flow::Order order = NewOrder(id, now_, names);
    order.ca = "test";
    order.reuse_never = reuse_never;
    Create(order);
    const Leased leased = Take(id);
    for (const challenge::Name& name : order.names) {
      order.progress.push_back({.name = name,
                                .state = flow::NameState::kValid,
                                .authorization_url = UrlOf(name.text())});
    }
    order.state = state;
    order.update_time = now_;
    EXPECT_TRUE(store_->SaveOrder(order, leased.lease, true).ok());
    return order;
  }

  std::vector<std::string> NamesOf(absl::Time at) { return *authorizations_->Names("", 100, at); }
  std::vector<std::string> Withdrawn(const std::string& account = kAccount) {
    std::vector<std::string> found;
    const auto withdrawn = authorizations_->Withdrawn("test", account, 100, now_);
    EXPECT_TRUE(withdrawn.ok()) << withdrawn.status();
    if (!withdrawn.ok()) return found;
    for (const Authorization& one : *withdrawn) {
      found.push_back(one.name + ": " + one.reason.substr(0, one.reason.find(':')));
    }
    return found;
  }

  std::unique_ptr<Authorizations> authorizations_;
};

using Texts = std::vector<std::string>;

TEST_P(AuthorizationsContract, AreNotedWithTheOrderThatIsSaved) {
  SaveValid("a", {"a.example.com", "b.example.com"});
  EXPECT_EQ(NamesOf(now_), (Texts{"a.example.com", "b.example.com"}));
  const auto found = authorizations_->Find("test", {UrlOf("b.example.com"), UrlOf("x")});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().name, "b.example.com");
  EXPECT_EQ(found->front().account_url, kAccount);
  EXPECT_EQ(found->front().expire_time, now_ + kLongestAuthorization);
  EXPECT_TRUE(authorizations_->Find("other", {UrlOf("b.example.com")})->empty());
  EXPECT_TRUE(Withdrawn().empty());
}

TEST_P(AuthorizationsContract, WhatIsPendingOrUnknownIsNotNoted) {
  flow::Order order = NewOrder("a", now_);
  Create(order);
  const Leased leased = Take("a");
  order.progress = {{.name = order.names[0],
                     .state = flow::NameState::kValidating,
                     .authorization_url = "https://ca/authz/1"},
                    {.name = order.names[0], .state = flow::NameState::kValid}};
  ASSERT_TRUE(store_->SaveOrder(order, leased.lease, false).ok());
  EXPECT_TRUE(NamesOf(now_).empty());
}

TEST_P(AuthorizationsContract, ExpireWhenTheCaSaidSo) {
  SaveValid("a", {"a.example.com"});
  const absl::Time end = now_ + absl::Hours(7);
  ASSERT_TRUE(authorizations_
                  ->Note({{.url = UrlOf("a.example.com"),
                           .ca = "test",
                           .account_url = kAccount,
                           .name = "a.example.com",
                           .expire_time = end,
                           .order_id = "",
                           .reason = ""}})
                  .ok());
  // Another order that is saved with it does not make it last longer.
  SaveValid("b", {"a.example.com"});
  EXPECT_EQ(NamesOf(end - absl::Seconds(1)), Texts{"a.example.com"});
  EXPECT_TRUE(NamesOf(end).empty());
  EXPECT_EQ(*authorizations_->Prune(end - absl::Seconds(1)), 0);
  EXPECT_EQ(*authorizations_->Prune(end), 1);
  EXPECT_TRUE(authorizations_->Find("test", {UrlOf("a.example.com")})->empty());
}

TEST_P(AuthorizationsContract, NamesComeInPages) {
  SaveValid("a", {"a.example.com", "b.example.com", "c.example.com", "*.example.com"});
  SaveValid("b", {"b.example.com"});
  std::vector<std::string> all;
  std::string after;
  while (true) {
    const auto page = authorizations_->Names(after, 3, now_);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->empty()) break;
    all.insert(all.end(), page->begin(), page->end());
    after = page->back();
  }
  EXPECT_EQ(all, (Texts{"*.example.com", "a.example.com", "b.example.com", "c.example.com"}));
}

TEST_P(AuthorizationsContract, AreWithdrawnByNameAndAudited) {
  SaveValid("a", {"a.example.com", "b.example.com"});
  const auto marked =
      authorizations_->Withdraw({"a.example.com", "x.example.com"}, "NO_RESPONDER: nobody", now_);
  ASSERT_TRUE(marked.ok()) << marked.status();
  EXPECT_EQ(*marked, 1);
  EXPECT_EQ(Withdrawn(), Texts{"a.example.com: NO_RESPONDER"});
  EXPECT_TRUE(Withdrawn("https://ca/account/2").empty());
  EXPECT_EQ(NamesOf(now_), Texts{"b.example.com"});
  // Once is enough.
  EXPECT_EQ(*authorizations_->Withdraw({"a.example.com"}, "NO_RESPONDER: nobody", now_), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit WHERE action = 'authorization.withdraw' "
                  "AND object = 'name/a.example.com'"),
            1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit WHERE action = 'authorization.withdraw'"), 1);
  ASSERT_TRUE(authorizations_
                  ->Forget(UrlOf("a.example.com"),
                           {.principal = "issuer",
                            .action = "authorization.deactivate",
                            .object = "authorization/" + UrlOf("a.example.com")},
                           now_)
                  .ok());
  EXPECT_TRUE(Withdrawn().empty());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit WHERE action = 'authorization.deactivate'"), 1);
  EXPECT_TRUE(store_->VerifyAudit().ok());
}

TEST_P(AuthorizationsContract, ThoseOfOneOrderGoWithIt) {
  const struct {
    std::string id;
    flow::State state;
    bool reuse_never;
    bool go;
  } cases[] = {
      {"a", flow::State::kFinalizing, true, false}, {"b", flow::State::kWaitingForCsr, true, false},
      {"c", flow::State::kDone, true, true},        {"d", flow::State::kFailed, true, true},
      {"e", flow::State::kCancelled, true, true},   {"f", flow::State::kDone, false, false}};
  Texts expected;
  for (const auto& c : cases) {
    SaveValid(c.id, {c.id + ".example.com"}, c.reuse_never, c.state);
    if (c.go) expected.push_back(c.id + ".example.com: REUSE_NEVER");
  }
  EXPECT_EQ(Withdrawn(), expected);
}

TEST_P(AuthorizationsContract, AnOwnerIsNotForgottenForASharer) {
  SaveValid("a", {"a.example.com"});
  SaveValid("b", {"a.example.com"}, true);
  SaveValid("c", {"a.example.com"}, false, flow::State::kDone);
  EXPECT_TRUE(Withdrawn().empty());
  SaveValid("d", {"a.example.com"}, true, flow::State::kFailed);
  // The first of two owners decides; the other's end changes nothing.
  EXPECT_TRUE(Withdrawn().empty());
  Tamper("UPDATE orders SET state = 9 WHERE id = 'b'");
  EXPECT_EQ(Withdrawn(), Texts{"a.example.com: REUSE_NEVER"});
}

TEST_P(AuthorizationsContract, AReplacedCaOrderDoesNotCount) {
  flow::Order order = NewOrder("a", now_);
  ASSERT_TRUE(store_->NoteCaOrder(order, "https://ca/order/1", now_).ok());
  ASSERT_TRUE(store_->NoteCaOrder(order, "https://ca/order/2", now_).ok());
  const Limits limits;
  EXPECT_GT(*store_->MayOrder(order, limits, now_), now_);
  order.ca_order_url = "https://ca/order/1";
  ASSERT_TRUE(authorizations_->DoNotCount(order).ok());
  EXPECT_LE(*store_->MayOrder(order, limits, now_), now_);
}

INSTANTIATE_TEST_SUITE_P(On, AuthorizationsContract, testing::ValuesIn(sql::TestedKinds()),
                         sql::KindName);

}  // namespace
}  // namespace norroy::store
