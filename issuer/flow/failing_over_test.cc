// Two CAs: where an order goes that its first CA cannot take, and which orders stay.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sql/transact.h"
#include "issuer/flow/ca_faults.h"

namespace norroy::flow {
namespace {

using fakes::Calls;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TwoCas : public FaultyCa {
 public:
  TwoCas() : other(AddCa()) {}

  fakes::FakeCa& other;
};

Fault Unwell(const std::string& retry_after = "") {
  Fault fault = Fault::Reply(503, "text/html", "<h1>maintenance</h1>");
  return retry_after.empty() ? fault : fault.With("Retry-After", retry_after);
}

Fault Limited() { return Fault::Problem(429, "rateLimited", "too many certificates", "86400"); }

TEST(FailingOver, AnOrderGoesToTheNextCaAndSaysWhy) {
  struct Case {
    std::string name;
    Fault fault;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {"503", Unwell(), "CA_UNAVAILABLE"},
      {"503 for hours", Unwell("28800"), "CA_UNAVAILABLE"},
      {"500 as a problem", Fault::Problem(500, "serverInternal", "no"), "CA_UNAVAILABLE"},
      {"429", Limited(), "CA_RATE_LIMITED"},
      {"nobody there", Fault::NotSent(), "CONNECT_FAILED"},
      {"no reply", Fault::LostRequest(), "CONNECTION_LOST"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TwoCas f;
    f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), c.fault);
    const Order done = f.Settle(f.Place().id, absl::Minutes(2));
    ASSERT_EQ(done.state, State::kDone) << f.Says(done);
    EXPECT_EQ(done.ca, "other");
    EXPECT_EQ(done.next_cas, std::vector<std::string>{"fake"});
    EXPECT_FALSE(done.error.has_value());
    ASSERT_EQ(done.failed_cas.size(), 1u);
    EXPECT_EQ(done.failed_cas[0].ca, "fake");
    EXPECT_EQ(done.failed_cas[0].error.reason, c.reason);
    EXPECT_EQ(f.CertificateOf(done.id).ca, "other");
    EXPECT_EQ(f.other.certificates_issued(), 1);
    EXPECT_EQ(f.ca().certificates_issued(), 0);
    EXPECT_THAT(f.other.violations(), IsEmpty());
    EXPECT_THAT(f.ca().violations(), IsEmpty());
  }
}

TEST(FailingOver, TheAuditSaysFromWhereAndWhy) {
  TwoCas f;
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), Unwell("28800"));
  const Order order = f.Place();
  ASSERT_EQ(f.Settle(order.id).state, State::kDone);
  const auto rows = sql::ReadFor<std::vector<sql::Row>>(f.database(), [&](auto& connection) {
    return connection.Query("SELECT detail FROM audit WHERE action = $1 AND object = $2",
                            {std::string("order.failed_over"), absl::StrCat("order/", order.id)});
  });
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_THAT(rows->front().Text(0), HasSubstr("from fake to other: CA_UNAVAILABLE"));
}

TEST(FailingOver, OneBadReplyIsNoReason) {
  TwoCas f;
  f.ca().Script(Endpoint::kNewOrder, Fault::Problem(500, "serverInternal", "once"));
  const Order done = f.Issue();
  EXPECT_EQ(done.state, State::kDone);
  EXPECT_EQ(done.ca, "fake");
  EXPECT_THAT(done.failed_cas, IsEmpty());
}

// The names are held back at the first CA: it is not asked again.
TEST(FailingOver, ALimitThatIsKnownSendsTheNextAtOnce) {
  TwoCas f;
  f.ca().Script(Endpoint::kNewOrder, Limited());
  ASSERT_EQ(f.Issue().ca, "other");
  const int asked = f.asked();
  const Order second = f.Issue();
  EXPECT_EQ(second.state, State::kDone);
  EXPECT_EQ(second.ca, "other");
  EXPECT_EQ(f.asked(), asked);
}

TEST(FailingOver, OurOwnFaultStays) {
  const std::vector<Fault> faults = {
      Fault::Problem(400, "rejectedIdentifier", "not this name"),
      Fault::Problem(403, "userActionRequired", "new terms"),
      Fault::Problem(400, "accountDoesNotExist", "who?"),
  };
  for (const Fault& fault : faults) {
    TwoCas f;
    f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), fault);
    const Order order = f.Settle(f.Place().id, absl::Minutes(10));
    EXPECT_EQ(order.ca, "fake");
    EXPECT_THAT(order.failed_cas, IsEmpty());
    EXPECT_EQ(f.other.count(Endpoint::kNewOrder), 0);
  }
}

// What is placed is seen through where it is.
TEST(FailingOver, APlacedOrderStays) {
  TwoCas f;
  f.ca().ScriptAt(Endpoint::kChallenge, Calls{1, 1, 4, 100}, Unwell());
  const Order done = f.Issue();
  EXPECT_EQ(done.state, State::kDone) << f.Says(done);
  EXPECT_EQ(done.ca, "fake");
}

TEST(FailingOver, WhenNoCaIsLeftItWaits) {
  TwoCas f;
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), Unwell());
  f.other.ScriptAt(Endpoint::kNewOrder, Calls{1, 1, 5, 100}, Unwell());
  const Order done = f.Issue();
  EXPECT_EQ(done.state, State::kDone) << f.Says(done);
  EXPECT_EQ(done.ca, "other");
  EXPECT_EQ(done.failed_cas.size(), 1u);
}

TEST(FailingOver, AfterTenMinutesTheFirstIsAskedAgain) {
  TwoCas f;
  const absl::Time begin = f.clock().Now();
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls{1, 1, 2, 100}, Unwell());
  f.other.ScriptAt(Endpoint::kNewOrder, Calls::All(), Unwell());
  const Order done = f.Issue();
  EXPECT_EQ(done.state, State::kDone) << f.Says(done);
  EXPECT_EQ(done.ca, "fake");
  EXPECT_EQ(done.failed_cas.size(), 2u);
  EXPECT_GE(f.clock().Now() - begin, absl::Minutes(10));
  EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), 3);
}

// Another order for the names may go on at the CA that this one has left.
TEST(FailingOver, LeavesNothingBehind) {
  TwoCas f;
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls{1, 1, 2, 100}, Unwell());
  const Order moved = f.Settle(f.Create({kWww}).id, absl::Minutes(2));
  ASSERT_EQ(moved.state, State::kWaitingForCsr);
  ASSERT_EQ(moved.ca, "other");
  const Order stays = f.Settle(f.Create({kWww}).id, absl::Minutes(2));
  EXPECT_EQ(stays.state, State::kWaitingForCsr) << stays.waiting_for;
  EXPECT_EQ(stays.ca, "fake");
}

TEST(FailingOver, TwoOrdersForTheNamesTakeTurnsAtTheNextCa) {
  TwoCas f;
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), Unwell("28800"));
  f.solver().SetAutoReady(false);
  const Order first = f.Create({kWww});
  const Order second = f.Create({kWww});
  f.RunFor(absl::Seconds(10));
  EXPECT_EQ(f.other.count(Endpoint::kNewOrder), 1);
  f.solver().SetAutoReady(true);
  EXPECT_EQ(f.Settle(first.id).state, State::kWaitingForCsr);
  EXPECT_EQ(f.Settle(second.id).state, State::kWaitingForCsr);
}

TEST(FailingOver, ACaThatIsHeldOrGoneIsNoneToGoTo) {
  for (const bool gone : {false, true}) {
    TwoCas f;
    const Order order = f.Place();
    if (gone) {
      const auto changed = f.store().ChangeOrder(order.id, true,
                                                 [](Order& stored) {
                                                   stored.next_cas = {"gone"};
                                                   return absl::OkStatus();
                                                 },
                                                 {.principal = "operator/test", .action = "test"});
      ASSERT_TRUE(changed.ok()) << changed.status();
    } else {
      const absl::Time until = f.clock().Now() + absl::Hours(2);
      ASSERT_TRUE(f.store().SetHold(store::CaScope("other"), until).ok());
    }
    f.ca().ScriptAt(Endpoint::kNewOrder, Calls{1, 1, 4, 100}, Unwell());
    const Order done = f.Settle(order.id);
    EXPECT_EQ(done.state, State::kDone) << f.Says(done);
    EXPECT_EQ(done.ca, "fake");
  }
}

TEST(FailingOver, SurvivesARestartInBetween) {
  TwoCas f;
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), Unwell("28800"));
  f.other.Script(Endpoint::kNewOrder, Unwell("30"));
  const Order order = f.Place();
  f.engine().RunDue();
  f.Kill();
  f.Restart();
  const Order done = f.Settle(order.id);
  EXPECT_EQ(done.state, State::kDone) << f.Says(done);
  EXPECT_EQ(done.ca, "other");
}

}  // namespace
}  // namespace norroy::flow
