// Creating, listing and changing orders.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

constexpr absl::Duration kWeek = absl::Hours(7 * 24);
const AuditEntry kAudit = {.principal = "operator/alice", .action = "order.change"};

TEST_P(StoreContract, AnUnknownOrderIsNotFound) {
  for (const std::string id : {"", "nobody", "'; DROP TABLE orders; --"}) {
    const absl::Status status = store_->GetOrder(id).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_EQ(ErrorReason(status), "ORDER_NOT_FOUND");
    EXPECT_TRUE(
        absl::IsNotFound(store_
                             ->ChangeOrder(
                                 id, true, [](flow::Order&) { return absl::OkStatus(); }, kAudit)
                             .status()));
  }
}

TEST_P(StoreContract, ARequestIdGivesTheSameOrderForSevenDays) {
  struct Case {
    std::string what;
    std::string creator;
    std::string request_id;
    std::string hash;
    absl::Duration after;
    std::string id;  // of the order that comes back; empty: REQUEST_ID_REUSED
  };
  const Case cases[] = {
      {"the first", "alice", "r1", "h1", absl::ZeroDuration(), "0"},
      {"a retry", "alice", "r1", "h1", absl::ZeroDuration(), "0"},
      {"another body", "alice", "r1", "h2", absl::Seconds(1), ""},
      {"another creator", "bob", "r1", "h2", absl::Seconds(1), "3"},
      {"another request_id", "alice", "r2", "h1", absl::Seconds(1), "4"},
      {"none", "alice", "", "h1", absl::Seconds(1), "5"},
      {"none again", "alice", "", "h1", absl::Seconds(1), "6"},
      {"just within", "alice", "r1", "h1", kWeek - absl::Nanoseconds(1), "0"},
      {"just after", "alice", "r1", "h9", kWeek, "8"},
      {"a retry of that", "alice", "r1", "h9", kWeek + absl::Hours(1), "8"},
      {"the old body", "alice", "r1", "h1", kWeek + absl::Hours(1), ""},
      {"a clock set back", "alice", "r1", "h9", absl::Hours(-1), "8"},
  };
  int number = 0;
  for (const Case& c : cases) {
    flow::Order order = NewOrder(absl::StrCat(number++), now_ + c.after);
    order.creator = c.creator;
    order.request_id = c.request_id;
    order.request_hash = c.hash;
    const auto created = store_->CreateOrder(order, now_ + c.after);
    if (!c.id.empty()) {
      ASSERT_TRUE(created.ok()) << c.what << ": " << created.status();
      EXPECT_EQ(created->id, c.id) << c.what;
      continue;
    }
    EXPECT_EQ(created.status().code(), absl::StatusCode::kAlreadyExists) << c.what;
    EXPECT_EQ(ErrorReason(created.status()), "REQUEST_ID_REUSED") << c.what;
    EXPECT_TRUE(absl::IsNotFound(store_->GetOrder(order.id).status())) << c.what;
  }
}

TEST_P(StoreContract, ARetriedCreateGivesTheOrderAsItIsNow) {
  flow::Order order = NewOrder("a", now_);
  order.request_id = "r";
  Create(order);
  Leased leased = Take("a");
  leased.order.state = flow::State::kFailed;
  ASSERT_TRUE(store_->SaveOrder(leased.order, leased.lease, true).ok());
  order.id = "b";
  EXPECT_EQ(Create(order).id, "a");
  EXPECT_EQ(Create(order).state, flow::State::kFailed);
}

TEST_P(StoreContract, TheSameIdTwiceIsRefused) {
  Create(NewOrder("a", now_));
  EXPECT_EQ(store_->CreateOrder(NewOrder("a", now_), now_).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_P(StoreContract, ListsAreNewestFirstFilteredAndPaged) {
  for (int i = 0; i < 20; ++i) {
    // Pairs share a create_time: the id decides.
    flow::Order order = NewOrder(absl::StrCat("o", 10 + i), now_ + absl::Seconds(i / 2),
                                 {"www.example.com", absl::StrCat("n", i, ".example.com")});
    order.creator = i % 2 == 0 ? "alice" : "bob";
    if (i == 3) order.finalizers = {"alice", "carol"};
    if (i >= 16) order.state = flow::State::kDone;
    Create(order);
  }
  struct Case {
    std::string what;
    OrderFilter filter;
    std::vector<std::string> ids;
  };
  const auto name = [](const std::string& text) { return Names({text})[0]; };
  const Case cases[] = {
      {"all", {}, {"o29", "o28", "o27", "o26", "o25", "o24", "o23", "o22", "o21", "o20",
                   "o19", "o18", "o17", "o16", "o15", "o14", "o13", "o12", "o11", "o10"}},
      {"alice's",
       {.reader = "alice"},
       {"o28", "o26", "o24", "o22", "o20", "o18", "o16", "o14", "o13", "o12", "o10"}},
      {"carol's", {.reader = "carol"}, {"o13"}},
      {"nobody's", {.reader = ""}, {}},
      {"done", {.states = {flow::State::kDone}}, {"o29", "o28", "o27", "o26"}},
      {"done or failed of bob",
       {.reader = "bob", .states = {flow::State::kDone, flow::State::kFailed}},
       {"o29", "o27"}},
      {"one name", {.name = name("n7.example.com")}, {"o17"}},
      {"its wildcard", {.name = name("*.example.com")}, {}},
      {"a name of alice", {.reader = "alice", .name = name("n7.example.com")}, {}},
  };
  for (const Case& c : cases) {
    for (const int page_size : {1, 3, 100}) {
      std::vector<std::string> ids;
      PageKey after;
      while (true) {
        const auto page = store_->ListOrders(c.filter, after, page_size);
        ASSERT_TRUE(page.ok()) << page.status();
        if (page->empty()) break;
        EXPECT_LE(page->size(), static_cast<size_t>(page_size));
        for (const std::string& id : IdsOf(*page)) ids.push_back(id);
        after = {page->back().create_time, page->back().id};
      }
      EXPECT_EQ(ids, c.ids) << c.what << ", pages of " << page_size;
    }
  }
  EXPECT_TRUE(store_->ListOrders({}, {}, 0)->empty());
  EXPECT_TRUE(store_->ListOrders({}, {}, -1)->empty());
}

TEST_P(StoreContract, AChangeIsWrittenWhole) {
  Create(NewOrder("a", now_));
  const auto changed = store_->ChangeOrder(
      "a", false,
      [&](flow::Order& order) {
        order.state = flow::State::kFinalizing;
        order.csr = "csr";
        order.update_time = now_ + absl::Seconds(1);
        return absl::OkStatus();
      },
      kAudit);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->csr, "csr");
  EXPECT_EQ(Describe(*store_->GetOrder("a")), Describe(*changed));
  EXPECT_EQ(IdsOf(*store_->ListOrders({.states = {flow::State::kFinalizing}}, {}, 10)),
            std::vector<std::string>{"a"});
}

TEST_P(StoreContract, AChangeThatIsRefusedLeavesAllAsItWas) {
  const flow::Order order = Create(NewOrder("a", now_));
  const int64_t entries = Count("SELECT COUNT(*) FROM audit");
  const auto refused = store_->ChangeOrder(
      "a", true,
      [](flow::Order& changed) {
        changed.csr = "csr";
        return MakeError(absl::StatusCode::kFailedPrecondition, "FINALIZE_SENT", "too late");
      },
      kAudit);
  EXPECT_EQ(ErrorReason(refused.status()), "FINALIZE_SENT");
  EXPECT_FALSE(store_
                   ->ChangeOrder(
                       "a", true,
                       [](flow::Order& changed) {
                         changed.creator = "mallory";
                         return absl::OkStatus();
                       },
                       kAudit)
                   .ok());
  EXPECT_EQ(Describe(*store_->GetOrder("a")), Describe(order));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit"), entries);
}

TEST_P(StoreContract, AChangeCanTakeTheOrderFromItsHolder) {
  struct Case {
    bool take_over;
    bool holder_goes_on;
  };
  for (const Case& c : {Case{false, true}, Case{true, false}}) {
    const std::string id = c.take_over ? "taken" : "left";
    Create(NewOrder(id, now_));
    const Leased held = Take(id);
    ASSERT_TRUE(store_
                    ->ChangeOrder(
                        id, c.take_over, [](flow::Order&) { return absl::OkStatus(); }, kAudit)
                    .ok());
    EXPECT_EQ(store_->TakeOrder(id, "two", now_, kLease)->has_value(), c.take_over);
    const absl::Status saved = store_->SaveOrder(held.order, held.lease, false);
    EXPECT_EQ(saved.ok(), c.holder_goes_on) << saved;
    if (c.take_over) {
      EXPECT_EQ(ErrorReason(saved), "LEASE_LOST");
    }
  }
}

// An order that failed can start anew.
TEST_P(StoreContract, AFinalOrderIsDueAgainWhenChangedBack) {
  flow::Order order = NewOrder("a", now_);
  order.state = flow::State::kFailed;
  Create(order);
  EXPECT_FALSE(store_->TakeDue("one", now_, kLease)->has_value());
  EXPECT_FALSE(store_->TakeOrder("a", "one", now_, kLease)->has_value());
  ASSERT_TRUE(store_
                  ->ChangeOrder(
                      "a", true,
                      [](flow::Order& changed) {
                        changed.state = flow::State::kQueued;
                        return absl::OkStatus();
                      },
                      kAudit)
                  .ok());
  EXPECT_EQ((*store_->TakeDue("one", now_, kLease))->order.id, "a");
}

}  // namespace
}  // namespace norroy::store
