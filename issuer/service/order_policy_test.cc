// What the policy means for orders: what is stored with them, what they count for, when the grants
// are asked again, and what of it the audit log says.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/transact.h"
#include "issuer/service/orders.h"
#include "issuer/service/policy_admin.h"
#include "issuer/service/policy_denials.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {
namespace {

using issuer::v1::CreateOrderRequest;
using issuer::v1::IssuanceGrant;
using issuer::v1::Order;

const rpc::Caller kAlice = CallerOf("operator/alice");

rpc::Caller From(const std::string& principal) {
  rpc::Caller caller = CallerOf(principal);
  caller.peer = "192.0.2.7:51000";
  caller.trace_id = "0af7651916cd43dd8448eb211c80319c";
  return caller;
}
const rpc::Caller kShop = From("requester/shop");

IssuanceGrant Grant(const std::string& principal, const std::string& name, int per_domain = 0,
                    bool reuse_never = false) {
  IssuanceGrant grant;
  grant.set_principal(principal);
  grant.add_names(name);
  if (per_domain != 0) grant.mutable_quota()->set_orders_per_domain_per_day(per_domain);
  if (reuse_never) grant.set_reuse(issuer::v1::REUSE_NEVER);
  return grant;
}

CreateOrderRequest For(const std::string& name, const std::string& csr = "") {
  CreateOrderRequest request;
  request.add_names(name);
  request.set_csr(csr);
  return request;
}

class OrderPolicyTest : public ::testing::Test {
 protected:
  void Apply(const std::vector<IssuanceGrant>& grants) {
    issuer::v1::ApplyPolicyRequest request;
    for (const IssuanceGrant& grant : grants) *request.add_grants() = grant;
    request.set_expected_version(version_);
    const auto applied = f_.policy_admin().Apply(kAlice, request);
    ASSERT_TRUE(applied.ok()) << applied.status();
    version_ = applied->version();
  }
  absl::StatusOr<Order> Create(const CreateOrderRequest& request,
                               const rpc::Caller& caller = kShop) {
    auto response = f_.orders().Create(caller, request);
    if (!response.ok()) return response.status();
    return response->order();
  }
  std::string Refused(const CreateOrderRequest& request, const rpc::Caller& caller = kShop) {
    return ErrorReason(Create(request, caller).status());
  }
  absl::Status Finalize(const std::string& id, const std::string& csr,
                        const rpc::Caller& caller = kShop) {
    issuer::v1::FinalizeOrderRequest request;
    request.set_id(id);
    request.set_csr(csr);
    return f_.orders().Finalize(caller, request).status();
  }
  absl::Status Retry(const std::string& id, const rpc::Caller& caller = kShop) {
    issuer::v1::RetryOrderRequest request;
    request.set_id(id);
    return f_.orders().Retry(caller, request).status();
  }
  flow::Order Stored(const std::string& id) { return f_.store().GetOrder(id).value(); }
  std::vector<sql::Row> Audit(const std::string& columns, const std::string& where) {
    return sql::ReadFor<std::vector<sql::Row>>(
               f_.database(),
               [&](sql::Connection& connection) {
                 return connection.Query(
                     absl::StrCat("SELECT ", columns, " FROM audit WHERE ", where, " ORDER BY seq"),
                     {});
               })
        .value();
  }
  // An order that failed: no agent may answer for its name.
  std::string Failed(const std::string& name, const std::string& csr = "") {
    f_.solver().SetPlan(NameOf(name), {});
    const std::string id = Create(For(name, csr))->id();
    f_.Work();
    EXPECT_EQ(Stored(id).state, flow::State::kFailed) << f_.Get(id).DebugString();
    return id;
  }

  ServiceFixture f_;
  int64_t version_ = 0;
};

TEST_F(OrderPolicyTest, GoesOnlyToCasThatItsCreatorMayUse) {
  IssuanceGrant main_alone = Grant("requester/shop", "main.example.com");
  main_alone.add_cas("main");
  Apply({Grant("requester/shop", ".shop.example.com"), main_alone});
  const auto next_cas = [&](const CreateOrderRequest& request) {
    const absl::StatusOr<Order> order = Create(request);
    EXPECT_TRUE(order.ok()) << order.status();
    return order.ok() ? f_.store().GetOrder(order->id())->next_cas : std::vector<std::string>();
  };
  using Cas = std::vector<std::string>;
  EXPECT_EQ(next_cas(For("a.shop.example.com")), Cas());  // no account there yet
  ASSERT_TRUE(f_.accounts().Register("second", /*agree_tos=*/true).ok());
  EXPECT_EQ(next_cas(For("b.shop.example.com")), Cas{"second"});
  EXPECT_EQ(next_cas(For("main.example.com")), Cas());
  CreateOrderRequest chosen = For("c.shop.example.com");
  chosen.set_ca("main");
  EXPECT_EQ(next_cas(chosen), Cas());
}

TEST_F(OrderPolicyTest, ARetryBeginsWhereTheOrderFirstBegan) {
  Apply({Grant("requester/shop", ".shop.example.com")});
  ASSERT_TRUE(f_.accounts().Register("second", /*agree_tos=*/true).ok());
  const absl::StatusOr<Order> order = Create(For("a.shop.example.com"));
  ASSERT_TRUE(order.ok()) << order.status();
  // As if "main" had not taken it and "second" had refused it.
  const auto moved = f_.store().ChangeOrder(
      order->id(), true,
      [](flow::Order& stored) {
        stored.failed_cas.push_back({.ca = "main", .error = {}, .time = stored.create_time});
        stored.ca = "second";
        stored.next_cas = {"main"};
        stored.state = flow::State::kFailed;
        return absl::OkStatus();
      },
      {.principal = "issuer/main", .action = "test"});
  ASSERT_TRUE(moved.ok()) << moved.status();
  issuer::v1::RetryOrderRequest request;
  request.set_id(order->id());
  const auto retried = f_.orders().Retry(kShop, request);
  ASSERT_TRUE(retried.ok()) << retried.status();
  EXPECT_EQ(retried->order().ca(), "main");
  EXPECT_EQ(retried->order().failed_cas_size(), 0);
  EXPECT_EQ(f_.store().GetOrder(order->id())->next_cas, std::vector<std::string>{"second"});
}

TEST_F(OrderPolicyTest, TheDecisionIsStoredWithTheOrder) {
  Apply({Grant("requester/shop", ".example.org"),
         Grant("requester/shop", "vault.example.net", 0, /*reuse_never=*/true)});
  const flow::Order plain = Stored(Create(For("www.example.org"))->id());
  EXPECT_EQ(plain.policy_version, 1);
  EXPECT_FALSE(plain.reuse_never);
  EXPECT_EQ(plain.finalizer, "");
  EXPECT_EQ(Stored(Create(For("www.example.com"), kAlice)->id()).policy_version, 1);
  EXPECT_TRUE(Stored(Create(For("vault.example.net"))->id()).reuse_never);
  const auto whole = Create(For("www.example.org", CsrFor(KeyA(), {"www.example.org"})));
  EXPECT_EQ(Stored(whole->id()).finalizer, "requester/shop");
  EXPECT_EQ(Stored(whole->id()).finalize_policy_version, 1);
}

TEST_F(OrderPolicyTest, GrantsAreAskedAgainAtFinalize) {
  Apply({Grant("requester/shop", ".example.org")});
  const std::string id = Create(For("www.example.org"))->id();
  f_.Work();
  ASSERT_EQ(f_.Get(id).state(), issuer::v1::ORDER_STATE_READY);
  const std::string csr = CsrFor(KeyA(), {"www.example.org"});
  Apply({});
  EXPECT_EQ(ErrorReason(Finalize(id, csr)), "NAME_NOT_GRANTED");
  EXPECT_EQ(f_.Get(id).state(), issuer::v1::ORDER_STATE_READY);
  IssuanceGrant other_keys = Grant("requester/shop", ".example.org");
  other_keys.add_key_types("rsa2048");
  Apply({other_keys});
  EXPECT_EQ(ErrorReason(Finalize(id, csr)), "KEY_TYPE_NOT_GRANTED");
  Apply({Grant("requester/shop", ".example.org", 0, /*reuse_never=*/true)});
  EXPECT_TRUE(Finalize(id, csr).ok());
  const flow::Order order = Stored(id);
  EXPECT_EQ(order.policy_version, 1);
  EXPECT_EQ(order.finalize_policy_version, 4);
  EXPECT_EQ(order.finalizer, "requester/shop");
  EXPECT_TRUE(order.reuse_never);
}

TEST_F(OrderPolicyTest, GrantsAreAskedAgainForARetry) {
  Apply({Grant("requester/shop", ".example.org")});
  const std::string id = Failed("www.example.org");
  Apply({});
  EXPECT_EQ(ErrorReason(Retry(id)), "NAME_NOT_GRANTED");
  // Whoever calls: what counts are the creator's.
  EXPECT_EQ(ErrorReason(Retry(id, kAlice)), "NAME_NOT_GRANTED");
  EXPECT_EQ(Stored(id).state, flow::State::kFailed);
  Apply({Grant("requester/shop", ".example.org", 0, /*reuse_never=*/true)});
  EXPECT_TRUE(Retry(id).ok());
  EXPECT_EQ(Stored(id).policy_version, 3);
  EXPECT_TRUE(Stored(id).reuse_never);
}

TEST_F(OrderPolicyTest, ARetryWithACsrAsksForItsKey) {
  Apply({Grant("requester/shop", ".example.org")});
  const std::string id = Failed("www.example.org", CsrFor(KeyA(), {"www.example.org"}));
  IssuanceGrant other_keys = Grant("requester/shop", ".example.org");
  other_keys.add_key_types("rsa2048");
  Apply({other_keys});
  EXPECT_EQ(ErrorReason(Retry(id)), "KEY_TYPE_NOT_GRANTED");
}

TEST_F(OrderPolicyTest, WhoHasSpentHisQuotaIsToldWhenTheNextIsFree) {
  Apply({Grant("requester/shop", ".example.org", 2), Grant("requester/cart", ".example.org", 2)});
  EXPECT_EQ(Refused(For("a.example.org")), "");
  EXPECT_EQ(Refused(For("b.c.example.org")), "");
  const absl::Status full = Create(For("d.example.org")).status();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(full), "QUOTA_EXCEEDED");
  EXPECT_EQ(ErrorMetadataOf(full)["domain"], "example.org");
  EXPECT_EQ(ErrorMetadataOf(full)["limit"], "2");
  EXPECT_EQ(ErrorMetadataOf(full)["retry_at"],
            absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", f_.clock().Now() + absl::Hours(24),
                             absl::UTCTimeZone()));
  // Others are not touched by it.
  EXPECT_EQ(Refused(For("d.example.org"), From("requester/cart")), "");
  f_.clock().Advance(absl::Hours(24));
  EXPECT_EQ(Refused(For("d.example.org")), "");
}

TEST_F(OrderPolicyTest, TheSameRequestAgainIsNotCounted) {
  Apply({Grant("requester/shop", ".example.org", 1)});
  CreateOrderRequest request = For("www.example.org");
  request.set_request_id("once");
  const std::string id = Create(request)->id();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Create(request)->id(), id);
  request.set_request_id("twice");
  EXPECT_EQ(Refused(request), "QUOTA_EXCEEDED");
}

TEST_F(OrderPolicyTest, LooksAndRetriesAreCounted) {
  Apply({Grant("requester/shop", ".example.org", 2)});
  const std::string id = Failed("www.example.org");
  CreateOrderRequest look = For("www.example.org");
  look.set_validate_only(true);
  EXPECT_EQ(Refused(look), "NO_RESPONDER");
  EXPECT_EQ(Refused(look), "QUOTA_EXCEEDED");
  EXPECT_EQ(ErrorReason(Retry(id)), "QUOTA_EXCEEDED");
  EXPECT_EQ(Stored(id).state, flow::State::kFailed);
  f_.clock().Advance(absl::Hours(24));
  EXPECT_TRUE(Retry(id).ok());
  EXPECT_EQ(Refused(For("www.example.org")), "");
  EXPECT_EQ(Refused(For("www.example.org")), "QUOTA_EXCEEDED");
}

TEST_F(OrderPolicyTest, ARepeatIsCountedAndNobodyReadsForNothing) {
  Apply({Grant("requester/shop", ".example.org"), Grant("requester/cart", ".example.org", 1)});
  const std::string csr = CsrFor(KeyA(), {"www.example.org"});
  ASSERT_EQ(Refused(For("www.example.org", csr)), "");
  f_.Work();
  const rpc::Caller cart = From("requester/cart");
  ASSERT_EQ(Refused(For("other.example.org"), cart), "");
  EXPECT_EQ(Refused(For("www.example.org", csr), cart), "QUOTA_EXCEEDED");
  EXPECT_TRUE(Audit("seq", "action = 'certificate.read_granted'").empty());
  f_.clock().Advance(absl::Hours(24));
  const auto repeat = Create(For("www.example.org", csr), cart);
  ASSERT_TRUE(repeat.ok()) << repeat.status();
  EXPECT_EQ(repeat->state(), issuer::v1::ORDER_STATE_VALID);
  EXPECT_EQ(
      Audit("seq", "action = 'certificate.read_granted' AND principal = 'requester/cart'").size(),
      1u);
}

TEST_F(OrderPolicyTest, AuditSaysWhoFromWhereByWhichPolicy) {
  Apply({Grant("requester/shop", ".example.org")});
  CreateOrderRequest request = For("www.example.org");
  request.set_request_id("r-1");
  const std::string id = Create(request)->id();
  f_.Work();
  ASSERT_TRUE(Finalize(id, CsrFor(KeyA(), {"www.example.org"})).ok());
  for (const char* const action : {"order.create", "order.finalize"}) {
    const auto rows =
        Audit("object, peer, trace_id, policy_version, request_id, outcome, principal",
              absl::StrCat("action = '", action, "'"));
    ASSERT_EQ(rows.size(), 1u) << action;
    EXPECT_EQ(rows[0].Text(0), "order/" + id);
    EXPECT_EQ(rows[0].Text(1), kShop.peer);
    EXPECT_EQ(rows[0].Text(2), kShop.trace_id);
    EXPECT_EQ(rows[0].Int(3), 1);
    EXPECT_EQ(rows[0].Text(4), "r-1");
    EXPECT_EQ(rows[0].Text(5), "ok");
    EXPECT_EQ(rows[0].Text(6), "requester/shop");
  }
}

TEST_F(OrderPolicyTest, DenialsAreAudited) {
  Apply({Grant("requester/shop", ".example.org", 1)});
  CreateOrderRequest request = For("www.example.net");
  request.set_request_id("r-2");
  EXPECT_EQ(Refused(request), "NAME_NOT_GRANTED");
  ASSERT_EQ(Refused(For("www.example.org")), "");
  EXPECT_EQ(Refused(For("www.example.org")), "QUOTA_EXCEEDED");
  const auto rows = Audit("detail, peer, policy_version, request_id", "outcome = 'denied'");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(absl::StartsWith(rows[0].Text(0), "NAME_NOT_GRANTED: ")) << rows[0].Text(0);
  EXPECT_TRUE(absl::StrContains(rows[0].Text(0), "www.example.net"));
  EXPECT_EQ(rows[0].Text(1), kShop.peer);
  EXPECT_EQ(rows[0].Int(2), 1);
  EXPECT_EQ(rows[0].Text(3), "r-2");
  EXPECT_TRUE(absl::StartsWith(rows[1].Text(0), "QUOTA_EXCEEDED: ")) << rows[1].Text(0);
  // A request that is merely wrong is no decision.
  EXPECT_EQ(Refused(For("a b")), "BAD_NAME");
  EXPECT_EQ(Audit("seq", "outcome = 'denied'").size(), 2u);
}

TEST_F(OrderPolicyTest, DenialsAreBounded) {
  for (int i = 0; i < 3 * kMaxDenialsPerMinute; ++i) {
    EXPECT_EQ(Refused(For("www.example.net")), "NAME_NOT_GRANTED");
  }
  EXPECT_EQ(Audit("seq", "outcome = 'denied'").size(), size_t{kMaxDenialsPerMinute});
  // Another principal's are written all the same.
  EXPECT_EQ(Refused(For("www.example.net"), From("requester/cart")), "NAME_NOT_GRANTED");
  EXPECT_EQ(Audit("seq", "outcome = 'denied' AND principal = 'requester/cart'").size(), 1u);
  f_.clock().Advance(absl::Minutes(1));
  EXPECT_EQ(Refused(For("www.example.net")), "NAME_NOT_GRANTED");
  const auto rows = Audit("detail", "outcome = 'denied' AND principal = 'requester/shop'");
  ASSERT_EQ(rows.size(), size_t{kMaxDenialsPerMinute} + 1);
  EXPECT_TRUE(
      absl::StrContains(rows.back().Text(0), absl::StrCat(2 * kMaxDenialsPerMinute, " more")))
      << rows.back().Text(0);
}

TEST_F(OrderPolicyTest, WhatIsNotOnesOwnDoesNotExistAndIsAudited) {
  Apply({Grant("requester/shop", ".example.org"), Grant("requester/cart", ".example.org")});
  const std::string id = Create(For("www.example.org"))->id();
  const rpc::Caller cart = From("requester/cart");
  issuer::v1::GetOrderRequest get;
  get.set_id(id);
  const absl::Status unseen = f_.orders().Get(cart, get).status();
  get.set_id(std::string(32, '0'));
  const absl::Status unknown = f_.orders().Get(cart, get).status();
  EXPECT_EQ(unseen.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrorReason(unseen), ErrorReason(unknown));
  EXPECT_EQ(Finalize(id, CsrFor(KeyA(), {"www.example.org"}), cart).code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(Retry(id, cart).code(), absl::StatusCode::kNotFound);
  const auto rows = Audit("object, detail", "outcome = 'denied'");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].Text(0), "order/" + id);
  EXPECT_TRUE(absl::StartsWith(rows[0].Text(1), "NOT_VISIBLE")) << rows[0].Text(1);
}

}  // namespace
}  // namespace norroy::service
