// Leases, fencing tokens and single flight.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

TEST_P(StoreContract, TheOrderThatIsDueLongestGoesFirst) {
  struct Case {
    std::string id;
    absl::Duration due;
    flow::State state;
  };
  const Case cases[] = {
      {"third", absl::Seconds(-1), flow::State::kQueued},
      {"first", absl::Hours(-2), flow::State::kValidating},
      {"second", absl::Hours(-1), flow::State::kGivingUp},
      {"done", absl::Hours(-9), flow::State::kDone},
      {"failed", absl::Hours(-9), flow::State::kFailed},
      {"cancelled", absl::Hours(-9), flow::State::kCancelled},
      {"later", absl::Nanoseconds(1), flow::State::kQueued},
      {"never", absl::InfiniteDuration(), flow::State::kWaitingForCsr},
  };
  for (const Case& c : cases) {
    flow::Order order = NewOrder(c.id, now_);
    order.due_time = now_ + c.due;
    order.state = c.state;
    Create(order);
  }
  EXPECT_EQ(*store_->NextDue(now_), now_ - absl::Hours(2));
  for (const char* id : {"first", "second", "third"}) {
    const auto leased = store_->TakeDue("one", now_, kLease);
    ASSERT_TRUE(leased.ok() && leased->has_value()) << id;
    EXPECT_EQ((*leased)->order.id, id);
    EXPECT_EQ((*leased)->lease.order_id, id);
  }
  EXPECT_FALSE(store_->TakeDue("one", now_, kLease)->has_value());
  EXPECT_EQ(*store_->NextDue(now_), now_ + absl::Nanoseconds(1));
  EXPECT_TRUE(store_->TakeOrder("never", "one", now_, kLease)->has_value());
  EXPECT_FALSE(store_->TakeOrder("done", "one", now_, kLease)->has_value());
  EXPECT_FALSE(store_->TakeOrder("nobody", "one", now_, kLease)->has_value());
}

TEST_P(StoreContract, NextDueKnowsWhenLeasesEnd) {
  EXPECT_EQ(*store_->NextDue(now_), absl::InfiniteFuture());
  Create(NewOrder("a", now_));
  Take("a");
  EXPECT_EQ(*store_->NextDue(now_), now_ + kLease);
  flow::Order later = NewOrder("b", now_);
  later.due_time = now_ + absl::Hours(1);
  Create(later);
  Take("b");
  EXPECT_EQ(*store_->NextDue(now_), now_ + kLease);
  EXPECT_EQ(*store_->NextDue(now_ + kLease), now_);  // "a" is due since then
  ASSERT_TRUE(store_->TakeDue("one", now_ + kLease, absl::Hours(2))->has_value());
  EXPECT_EQ(*store_->NextDue(now_ + kLease), now_ + absl::Hours(1));
}

TEST_P(StoreContract, ALeaseEndsAndItsTokenWithIt) {
  Create(NewOrder("a", now_));
  Leased paused = Take("a", "paused");
  EXPECT_FALSE(
      store_->TakeOrder("a", "two", now_ + kLease - absl::Nanoseconds(1), kLease)->has_value());
  auto taken = store_->TakeOrder("a", "two", now_ + kLease, kLease);
  ASSERT_TRUE(taken.ok() && taken->has_value());
  Leased second = **taken;
  EXPECT_GT(second.lease.token, paused.lease.token);

  // The one that was paused wakes up: nothing that it does counts.
  paused.order.waiting_for = "late";
  const absl::Time late = now_ + kLease + absl::Seconds(1);
  const absl::Status results[] = {
      store_->SaveOrder(paused.order, paused.lease, false),
      store_->SaveOrder(paused.order, paused.lease, true),
      store_->ExtendLease(paused.lease, late, kLease),
      store_->TakeFlight(paused.order, paused.lease).status(),
      store_->GiveFlightBack(paused.order, paused.lease),
      store_->FinishOrder(paused.order, paused.lease, NewCertificate("late", paused.order, late)),
  };
  for (const absl::Status& result : results) {
    EXPECT_EQ(result.code(), absl::StatusCode::kAborted) << result;
    EXPECT_EQ(ErrorReason(result), "LEASE_LOST");
  }
  EXPECT_EQ(store_->GetOrder("a")->waiting_for, "");
  EXPECT_TRUE(absl::IsNotFound(store_->GetCertificate("late").status()));

  second.order.waiting_for = "in time";
  EXPECT_TRUE(store_->SaveOrder(second.order, second.lease, true).ok());
  EXPECT_EQ(store_->GetOrder("a")->waiting_for, "in time");
}

TEST_P(StoreContract, AnEndedLeaseCannotBeExtendedThoughNobodyTookIt) {
  Create(NewOrder("a", now_));
  const Leased held = Take("a");
  EXPECT_TRUE(store_->ExtendLease(held.lease, now_ + kLease / 2, kLease).ok());
  EXPECT_FALSE(store_->TakeOrder("a", "two", now_ + kLease, kLease)->has_value());
  EXPECT_EQ(ErrorReason(store_->ExtendLease(held.lease, now_ + 2 * kLease, kLease)), "LEASE_LOST");
  EXPECT_EQ(ErrorReason(store_->ExtendLease({"nobody", 1}, now_, kLease)), "LEASE_LOST");
}

TEST_P(StoreContract, ALeaseIsConfirmedUntilTheOrderIsTakenOver) {
  Create(NewOrder("a", now_));
  const Leased held = Take("a");
  EXPECT_TRUE(store_->ConfirmLease(held.lease).ok());
  const AuditEntry audit = {.principal = "operator/alice", .action = "order.cancel"};
  const auto keep = [](flow::Order&) { return absl::OkStatus(); };
  ASSERT_TRUE(store_->ChangeOrder("a", true, keep, audit).ok());
  EXPECT_EQ(ErrorReason(store_->ConfirmLease(held.lease)), "LEASE_LOST");
  EXPECT_EQ(ErrorReason(store_->ConfirmLease({"nobody", 1})), "LEASE_LOST");
}

TEST_P(StoreContract, ALeaseGivenBackIsOver) {
  Create(NewOrder("a", now_));
  Leased held = Take("a");
  held.order.due_time = now_ + absl::Hours(1);
  ASSERT_TRUE(store_->SaveOrder(held.order, held.lease, false).ok());
  ASSERT_TRUE(store_->SaveOrder(held.order, held.lease, true).ok());
  EXPECT_EQ(ErrorReason(store_->SaveOrder(held.order, held.lease, false)), "LEASE_LOST");
  EXPECT_EQ(ErrorReason(store_->ExtendLease(held.lease, now_, kLease)), "LEASE_LOST");
  EXPECT_FALSE(store_->TakeDue("two", now_, kLease)->has_value());
  EXPECT_TRUE(store_->TakeDue("two", now_ + absl::Hours(1), kLease)->has_value());
}

TEST_P(StoreContract, OneOrderOfASetFliesAtATime) {
  Create(NewOrder("a", now_));
  Create(NewOrder("b", now_));
  flow::Order other_names = NewOrder("names", now_, {"other.example.com"});
  flow::Order other_ca = NewOrder("ca", now_);
  other_ca.ca = "staging";
  flow::Order other_profile = NewOrder("profile", now_);
  other_profile.profile = "shortlived";
  for (const flow::Order* order : {&other_names, &other_ca, &other_profile}) Create(*order);

  const Leased a = Take("a");
  const Leased b = Take("b");
  EXPECT_TRUE(*store_->TakeFlight(a.order, a.lease));
  EXPECT_TRUE(*store_->TakeFlight(a.order, a.lease));  // already ours
  EXPECT_FALSE(*store_->TakeFlight(b.order, b.lease));
  for (const char* id : {"names", "ca", "profile"}) {
    const Leased other = Take(id);
    EXPECT_TRUE(*store_->TakeFlight(other.order, other.lease)) << id;
  }
  // Only the one that has it can give it back.
  EXPECT_TRUE(store_->GiveFlightBack(b.order, b.lease).ok());
  EXPECT_FALSE(*store_->TakeFlight(b.order, b.lease));
  EXPECT_TRUE(store_->GiveFlightBack(a.order, a.lease).ok());
  EXPECT_TRUE(*store_->TakeFlight(b.order, b.lease));
  EXPECT_FALSE(*store_->TakeFlight(a.order, a.lease));
  EXPECT_TRUE(store_->GiveFlightBack(b.order, b.lease).ok());
  EXPECT_TRUE(*store_->TakeFlight(a.order, a.lease));
}

TEST_P(StoreContract, TheFlightOfAFinalOrGoneOrderIsFree) {
  Create(NewOrder("next", now_));
  const Leased next = Take("next");
  for (const flow::State state :
       {flow::State::kDone, flow::State::kFailed, flow::State::kCancelled}) {
    const std::string id(flow::StateName(state));
    Create(NewOrder(id, now_));
    Leased first = Take(id);
    ASSERT_TRUE(*store_->TakeFlight(first.order, first.lease)) << id;
    EXPECT_FALSE(*store_->TakeFlight(next.order, next.lease)) << id;
    first.order.state = state;
    ASSERT_TRUE(store_->SaveOrder(first.order, first.lease, true).ok());
    EXPECT_TRUE(*store_->TakeFlight(next.order, next.lease)) << id;
    EXPECT_TRUE(store_->GiveFlightBack(next.order, next.lease).ok());
  }
  Tamper("UPDATE flights SET order_id = 'gone'");
  EXPECT_TRUE(*store_->TakeFlight(next.order, next.lease));
  Tamper("UPDATE flights SET order_id = 'DONE'");
  EXPECT_TRUE(*store_->TakeFlight(next.order, next.lease));
}

// The flight outlives the lease: a holder that died while the CA's order was in play.
TEST_P(StoreContract, AFlightStaysWithItsOrderAcrossHolders) {
  Create(NewOrder("a", now_));
  Create(NewOrder("b", now_));
  const Leased dead = Take("a");
  ASSERT_TRUE(*store_->TakeFlight(dead.order, dead.lease));
  now_ += kLease;
  const Leased heir = Take("a", "two");
  const Leased b = Take("b", "two");
  EXPECT_FALSE(*store_->TakeFlight(b.order, b.lease));
  EXPECT_TRUE(*store_->TakeFlight(heir.order, heir.lease));
  EXPECT_EQ(ErrorReason(store_->GiveFlightBack(dead.order, dead.lease)), "LEASE_LOST");
  EXPECT_FALSE(*store_->TakeFlight(b.order, b.lease));
}

// A damaged index, say, or somebody's trigger.
TEST_P(StoreContract, AnErrorAimedAtOneOrderLeavesTheOthers) {
  for (const char* id : {"a", "b", "c"}) {
    Create(NewOrder(id, now_, {absl::StrCat(id, ".example.com")}));
  }
  if (GetParam().shared) {
    Tamper(
        "CREATE FUNCTION boom() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'boom'; END$$");
    Tamper(
        "CREATE TRIGGER boom BEFORE UPDATE ON orders FOR EACH ROW WHEN (NEW.id = 'a') "
        "EXECUTE FUNCTION boom()");
  } else {
    Tamper(
        "CREATE TRIGGER boom BEFORE UPDATE ON orders WHEN NEW.id = 'a' "
        "BEGIN SELECT RAISE(ABORT, 'boom'); END");
  }
  const auto b = store_->TakeDue("one", now_, kLease);
  ASSERT_TRUE(b.ok() && b->has_value()) << b.status();
  EXPECT_EQ((*b)->order.id, "b");
  const auto c = store_->TakeDue("one", now_, kLease);
  ASSERT_TRUE(c.ok() && c->has_value()) << c.status();
  EXPECT_EQ((*c)->order.id, "c");
  const auto none = store_->TakeDue("one", now_, kLease);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_FALSE(none->has_value());
  const auto next = store_->NextDue(now_);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_GT(*next, now_);
  EXPECT_TRUE(
      store_->FinishOrder((*b)->order, (*b)->lease, NewCertificate("cb", (*b)->order, now_)).ok());
  EXPECT_FALSE(store_->TakeOrder("a", "one", now_, kLease).ok());
  EXPECT_TRUE(store_->GetOrder("a").ok());
  // Whatever it was, it is over.
  Tamper(GetParam().shared ? "DROP TRIGGER boom ON orders" : "DROP TRIGGER boom");
  const auto a = store_->TakeDue("one", *next, kLease);
  ASSERT_TRUE(a.ok() && a->has_value()) << a.status();
  EXPECT_EQ((*a)->order.id, "a");
}

}  // namespace
}  // namespace norroy::store
