// kill -9 around every request, at CAs of every kind: what was begun is gone on with, never begun
// again, and what was waited for is waited for.

#include "issuer/flow/ca_faults.h"

namespace norroy::flow {
namespace {

using fakes::Calls;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct CaKind {
  std::string name;
  bool reuses;
  int polls;
};

// One life a kill; `f` is used up. False: the issuance has fewer requests.
bool KillAndResume(const CaKind& kind, int n, bool after) {
  fakes::FakeCaOptions options;
  options.reuse_orders = kind.reuses;
  options.reuse_authorizations = kind.reuses;
  options.finalize_polls = kind.polls;
  options.validation_polls = kind.polls;
  FaultyCa f(options);
  const Order order = f.Place({kWww, "b.example.test"});
  f.KillAtRequest(n, after);
  f.Settle(order.id);
  if (!f.killed()) return false;
  f.Restart();
  const Order done = f.Settle(order.id);
  // At most the order whose URL was lost beside the one that was finalized.
  ExpectOneCertificate(f, done, kind.reuses ? 1 : 2);
  int told = 0;
  for (const fakes::AuthorizationRecord& authorization : f.ca().authorizations()) {
    EXPECT_LE(authorization.attempts, 1);
    told += authorization.attempts;
  }
  EXPECT_EQ(told, 2);
  return true;
}

TEST(Resume, AKillAnywhereCostsNothingTwice) {
  for (const CaKind& kind : {CaKind{"Boulder's kind", true, 0}, CaKind{"slow", true, 2},
                             CaKind{"forgetful and slow", false, 2}}) {
    for (const bool after : {false, true}) {
      int n = 1;
      for (;; ++n) {
        SCOPED_TRACE(absl::StrCat(kind.name, ": request ", n, after ? " after" : " before"));
        if (!KillAndResume(kind, n, after)) break;
      }
      EXPECT_GT(n, 8);
    }
  }
}

// C21: a process that starts is no reason to ask anybody.
TEST(Resume, NextTriesAndTheirNumberOutliveTheProcess) {
  FaultyCa f;
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), Fault::Problem(500, "serverInternal", "down"));
  const Order order = f.Place();
  f.RunFor(absl::Minutes(5));
  const Order before = f.Get(order.id);
  ASSERT_GE(before.attempt, 7);
  const int asked = f.asked();
  for (int i = 0; i < 10; ++i) {
    f.Restart();
    f.engine().RunDue();
  }
  EXPECT_EQ(f.asked(), asked);
  EXPECT_EQ(f.Get(order.id).attempt, before.attempt);
  EXPECT_EQ(f.Get(order.id).due_time, before.due_time);
  f.ca().ClearScript(Endpoint::kNewOrder);
  ExpectOneCertificate(f, f.Settle(order.id));
  EXPECT_GE(f.ca().requests()[static_cast<size_t>(asked)].time, before.due_time);
}

// A life that ends at each request in turn, and the CA at its worst meanwhile.
TEST(Resume, LivesThatAreAllShort) {
  fakes::FakeCaOptions options;
  options.finalize_polls = 1;
  options.validation_polls = 1;
  FaultyCa f(options);
  const Order order = f.Place();
  int lives = 0;
  for (; lives < 60; ++lives) {
    f.KillAtRequest(5 + lives % 2, lives % 3 == 0);
    f.Settle(order.id, absl::Minutes(1));
    if (IsFinal(f.Get(order.id).state)) break;
    f.Restart();
  }
  EXPECT_LT(lives, 20);
  f.Restart();
  ExpectOneCertificate(f, f.Get(order.id), 1);
}

// K4: what waits for a human waits for him in the next life, too.
TEST(Resume, APauseOutlivesTheProcess) {
  FaultyCa f;
  f.ca().PauseIdentifier(kWww);
  const Order order = f.Place();
  f.KillAtRequest(1, /*after=*/true);
  f.Settle(order.id);
  ASSERT_TRUE(f.killed());
  f.Restart();
  const Order failed = f.Settle(order.id);
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_EQ(failed.error->reason, "CA_PAUSED");
  const int asked = f.asked();
  f.Restart();
  f.RunFor(absl::Hours(10));
  EXPECT_EQ(f.Issue().error->reason, "CA_PAUSED");
  EXPECT_EQ(f.asked(), asked);
}

// Who looks for the name to blame reads authorizations that are being validated, and may have to
// read them again.
TEST(Resume, RetryAfterOfAnAuthorizationIsObeyedByWhoeverHasTheOrder) {
  for (const bool dies : {false, true}) {
    SCOPED_TRACE(dies);
    fakes::FakeCaOptions options;
    options.validation_polls = 1'000'000;
    options.retry_after_seconds = 100;
    FaultyCa f(options);
    const Order order = f.Place({kWww, "b.example.test"});
    f.RunFor(absl::Seconds(2));
    ASSERT_EQ(f.Get(order.id).state, State::kValidating);
    f.ca().InvalidateOrder(f.Get(order.id).ca_order_url, "unauthorized",
                           "one of them is not yours");
    f.ca().ScriptAt(Endpoint::kAuthorization, Calls::Nth(2), Fault::NotSent());
    f.RunFor(absl::Seconds(110));
    const int asked = f.ca().count(Endpoint::kAuthorization);
    ASSERT_EQ(asked, 4) << "two when it was placed, one and a half now";
    if (dies) {
      f.Kill();
      f.Restart();
      ASSERT_TRUE(f.store().BreakLeases("test").ok());
    }
    const Order failed = f.Settle(order.id);
    EXPECT_EQ(failed.state, State::kFailed);
    EXPECT_GT(f.ca().count(Endpoint::kAuthorization), asked);
    // The CA notes every read that comes too early.
    EXPECT_THAT(f.ca().violations(), IsEmpty());
    EXPECT_EQ(f.solver().served_count(), 0);
  }
}

// An issuer that dies once more while it waits has not forgotten for how long.
TEST(Resume, RetryAfterIsStoredBeforeItIsWaitedFor) {
  fakes::FakeCaOptions options;
  options.validation_polls = 3;
  options.retry_after_seconds = 100;
  FaultyCa f(options);
  const Order order = f.Place();
  f.RunFor(absl::Seconds(2));
  for (const absl::Duration dead_for : {absl::Seconds(150), absl::Seconds(1)}) {
    f.Kill();
    f.clock().Advance(dead_for);
    f.Restart();
    ASSERT_TRUE(f.store().BreakLeases("test").ok());
    f.engine().RunDue();
    ASSERT_EQ(f.Get(order.id).state, State::kValidating);
  }
  ExpectOneCertificate(f, f.Settle(order.id));
}

// It dies between the first name's challenge and the second's, and again when it has told the CA of
// the second: of the first it knows from the life before.
TEST(Resume, RetryAfterOfAHalfToldOrderOutlivesTwoProcesses) {
  fakes::FakeCaOptions options;
  options.validation_polls = 3;
  options.retry_after_seconds = 100;
  FaultyCa f(options);
  const Order order = f.Place({kWww, "b.example.test"});
  // newOrder, two authorizations, one challenge.
  f.KillAtRequest(5, /*after=*/false);
  f.Settle(order.id);
  ASSERT_TRUE(f.killed());
  ASSERT_EQ(f.ca().count(Endpoint::kChallenge), 1);
  f.Restart();
  ASSERT_TRUE(f.store().BreakLeases("test").ok());
  f.RunFor(absl::Seconds(2));
  ASSERT_EQ(f.ca().count(Endpoint::kChallenge), 2);
  f.Kill();
  f.Restart();
  ASSERT_TRUE(f.store().BreakLeases("test").ok());
  ExpectOneCertificate(f, f.Settle(order.id));
}

}  // namespace
}  // namespace norroy::flow
