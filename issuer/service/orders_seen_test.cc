// Orders as callers see, list and watch them.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "issuer/service/orders_fixture.h"

namespace norroy::service {
namespace {

using issuer::v1::CreateOrderRequest;
using issuer::v1::FinalizeOrderRequest;
using issuer::v1::Order;

using OrdersSeenTest = OrdersTest;

TEST_F(OrdersSeenTest, OthersDoNotSeeIt) {
  const Order ready = Ready({"www.example.com"});
  const auto get = WithId<issuer::v1::GetOrderRequest>(ready.id());
  const auto cancel = WithId<issuer::v1::CancelOrderRequest>(ready.id());
  const auto retry = WithId<issuer::v1::RetryOrderRequest>(ready.id());
  const FinalizeOrderRequest finalize = HandIn(ready.id(), CsrFor(KeyA(), {"www.example.com"}));
  const struct {
    rpc::Caller caller;
    std::string get, finalize, cancel, retry;
  } cases[] = {
      {kOther, "NOT_FOUND NOT_FOUND", "NOT_FOUND NOT_FOUND", "NOT_FOUND NOT_FOUND",
       "NOT_FOUND NOT_FOUND"},
      {kBob, "", "PERMISSION_DENIED NOT_A_FINALIZER", "-", ""},
      {kDeploy, "", "-", "PERMISSION_DENIED NOT_OWNER", "PERMISSION_DENIED NOT_OWNER"},
      {kAuditor, "", "PERMISSION_DENIED NOT_A_FINALIZER", "PERMISSION_DENIED NOT_OWNER",
       "PERMISSION_DENIED NOT_OWNER"},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.caller.identity.Principal());
    EXPECT_EQ(ReasonOf(f_.orders().Get(row.caller, get).status()), row.get);
    EXPECT_EQ(ReasonOf(f_.orders().Retry(row.caller, retry).status()), row.retry);
    if (row.finalize != "-") {
      EXPECT_EQ(Finalize(row.caller, finalize), row.finalize);
    }
    if (row.cancel != "-") {
      EXPECT_EQ(ReasonOf(f_.orders().Cancel(row.caller, cancel).status()), row.cancel);
    }
  }
  EXPECT_EQ(f_.Get(ready.id()).etag(), ready.etag());
  EXPECT_EQ(Finalize(kDeploy, finalize), "");
  for (const std::string& id :
       std::vector<std::string>{"", "x", std::string(32, 'G'), std::string(32, '0'),
                                std::string(1000, 'a'), "../../x"}) {
    EXPECT_EQ(ReasonOf(f_.orders().Get(kAlice, WithId<issuer::v1::GetOrderRequest>(id)).status()),
              "NOT_FOUND NOT_FOUND");
  }
}

TEST_F(OrdersSeenTest, ListsInPagesWhatTheCallerSees) {
  std::vector<std::string> mine;
  for (int i = 0; i < 5; ++i) {
    mine.push_back(Create(kWeb, For({absl::StrCat("w", i, ".example.com")})).id());
    Create(kOther, For({absl::StrCat("o", i, ".example.com")}));
    f_.clock().Advance(absl::Seconds(1));
  }
  std::vector<std::string> seen;
  issuer::v1::ListOrdersRequest request;
  request.set_page_size(2);
  do {
    const auto page = f_.orders().List(kWeb, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->orders_size(), 2);
    for (const Order& order : page->orders()) seen.insert(seen.begin(), order.id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(seen, mine);

  request.set_page_size(1);
  const std::string token = f_.orders().List(kWeb, request)->next_page_token();
  request.set_page_token(token);
  EXPECT_EQ(ReasonOf(f_.orders().List(kOther, request).status()),
            "INVALID_ARGUMENT BAD_PAGE_TOKEN");
  EXPECT_EQ(f_.orders().List(kAuditor, {})->orders_size(), 10);
}

TEST_F(OrdersSeenTest, ListsByStateAndName) {
  f_.solver().SetPlan(NameOf("b.example.com"), {});
  Create(kWeb, For({"a.example.com"}));
  Create(kWeb, For({"b.example.com"}));
  f_.Work();
  Create(kWeb, For({"a.example.com", "c.example.com"}));
  const struct {
    issuer::v1::OrderState state;
    std::string name;
    int count;
  } cases[] = {
      {issuer::v1::ORDER_STATE_UNSPECIFIED, "", 3},
      {issuer::v1::ORDER_STATE_PENDING, "", 1},
      {issuer::v1::ORDER_STATE_READY, "", 1},
      {issuer::v1::ORDER_STATE_INVALID, "", 1},
      {issuer::v1::ORDER_STATE_PROCESSING, "", 0},
      {issuer::v1::ORDER_STATE_VALID, "", 0},
      {issuer::v1::ORDER_STATE_CANCELLED, "", 0},
      {issuer::v1::ORDER_STATE_UNSPECIFIED, "A.Example.com", 2},
      {issuer::v1::ORDER_STATE_READY, "a.example.com", 1},
      {issuer::v1::ORDER_STATE_UNSPECIFIED, "example.com", 0},
  };
  for (const auto& row : cases) {
    issuer::v1::ListOrdersRequest request;
    request.set_state(row.state);
    request.set_name(row.name);
    const auto page = f_.orders().List(kWeb, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->orders_size(), row.count) << request.DebugString();
  }
  issuer::v1::ListOrdersRequest bad;
  bad.set_state(static_cast<issuer::v1::OrderState>(99));
  EXPECT_EQ(ReasonOf(f_.orders().List(kWeb, bad).status()), "INVALID_ARGUMENT BAD_FIELD");
  bad.Clear();
  bad.set_name("a b");
  EXPECT_EQ(ReasonOf(f_.orders().List(kWeb, bad).status()), "INVALID_ARGUMENT BAD_NAME");
}

struct Watched {
  std::vector<issuer::v1::WatchOrderResponse> seen;
  std::vector<absl::Status> ends;
  WatchSink Sink() {
    return {[this](issuer::v1::WatchOrderResponse response) { seen.push_back(response); },
            [this](const absl::Status& status) { ends.push_back(status); }};
  }
};

TEST_F(OrdersSeenTest, WatchSeesEveryStepToTheEnd) {
  CreateOrderRequest create = For({"www.example.com"});
  create.set_csr(CsrFor(KeyA(), {"www.example.com"}));
  const Order order = Create(kWeb, create);
  Watched watched;
  const auto stop =
      f_.orders().Watch(kWeb, WithId<issuer::v1::WatchOrderRequest>(order.id()), watched.Sink());
  ASSERT_TRUE(stop.ok()) << stop.status();
  ASSERT_EQ(watched.seen.size(), 1u);
  EXPECT_EQ(watched.seen[0].order().etag(), order.etag());
  f_.Work();
  ASSERT_EQ(watched.ends.size(), 1u);
  EXPECT_TRUE(watched.ends[0].ok());
  EXPECT_EQ(watched.seen.back().order().state(), issuer::v1::ORDER_STATE_VALID);
  EXPECT_FALSE(watched.seen.back().certificate_pem().empty());
  EXPECT_GT(watched.seen.size(), 2u);
  (*stop)();

  // Of a final order: one message, and the end.
  Watched late;
  ASSERT_TRUE(f_.orders()
                  .Watch(kAuditor, WithId<issuer::v1::WatchOrderRequest>(order.id()), late.Sink())
                  .ok());
  EXPECT_EQ(late.seen.size(), 1u);
  EXPECT_EQ(late.ends.size(), 1u);
}

TEST_F(OrdersSeenTest, WatchUntilReady) {
  const Order order = Create(kWeb, For({"www.example.com"}));
  Watched until_ready;
  Watched on;
  Watched stopped;
  auto request = WithId<issuer::v1::WatchOrderRequest>(order.id());
  ASSERT_TRUE(f_.orders().Watch(kWeb, request, on.Sink()).ok());
  const auto stop = f_.orders().Watch(kWeb, request, stopped.Sink());
  ASSERT_TRUE(stop.ok());
  (*stop)();
  (*stop)();
  request.set_until_ready(true);
  ASSERT_TRUE(f_.orders().Watch(kWeb, request, until_ready.Sink()).ok());
  f_.Work();
  EXPECT_EQ(until_ready.ends.size(), 1u);
  EXPECT_EQ(until_ready.seen.back().order().state(), issuer::v1::ORDER_STATE_READY);
  EXPECT_EQ(on.ends.size(), 0u);
  EXPECT_EQ(on.seen.back().order().state(), issuer::v1::ORDER_STATE_READY);
  EXPECT_EQ(stopped.seen.size(), 1u);

  EXPECT_EQ(ReasonOf(f_.orders().Watch(kOther, request, Watched().Sink()).status()),
            "NOT_FOUND NOT_FOUND");
  ASSERT_TRUE(f_.orders().Cancel(kWeb, WithId<issuer::v1::CancelOrderRequest>(order.id())).ok());
  EXPECT_EQ(on.ends.size(), 1u);
  EXPECT_EQ(on.seen.back().order().state(), issuer::v1::ORDER_STATE_CANCELLED);
}

}  // namespace
}  // namespace norroy::service
