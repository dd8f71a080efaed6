// The CA says later, never, or ask a human.

#include "issuer/flow/ca_faults.h"

namespace norroy::flow {
namespace {

using fakes::Calls;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string HttpDate(absl::Time time) {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", time, absl::UTCTimeZone());
}

Fault Limited(const std::string& retry_after) {
  return Fault::Problem(429, "rateLimited", "too many certificates for this set", retry_after);
}

TEST(Row, F_CA_07_ALimitHoldsItsNamesUntilThen) {
  for (const bool as_date : {false, true}) {
    FaultyCa f;
    const absl::Time end = f.clock().Now() + absl::Hours(1);
    f.ca().Script(Endpoint::kNewOrder,
                  Limited(as_date ? HttpDate(end + absl::Seconds(1)) : "3600"));
    const Order order = f.Place();
    f.engine().RunDue();
    EXPECT_EQ(f.Get(order.id).error->reason, "CA_RATE_LIMITED");
    // Others go on; the hold outlives the process.
    EXPECT_EQ(f.Issue({"other.example.test"}).state, State::kDone);
    f.Restart();
    const int before = f.asked();
    const Order same = f.Place();
    f.RunFor(end - f.clock().Now() - absl::Seconds(2));
    EXPECT_EQ(f.asked(), before);
    EXPECT_EQ(f.Get(same.id).state, State::kQueued);
    EXPECT_EQ(f.Settle(order.id, absl::Minutes(5)).state, State::kDone);
    EXPECT_GE(f.TimeOf(Endpoint::kNewOrder, 2), end);
    EXPECT_THAT(f.ca().violations(), IsEmpty());
  }
}

struct HeaderCase {
  std::string retry_after;
  absl::Duration wait;
};

TEST(Row, F_CA_08_NonsenseInRetryAfterIsAnHour) {
  FaultyCa dated;
  const std::string past = HttpDate(dated.clock().Now() - absl::Hours(24));
  const std::vector<HeaderCase> cases = {
      {"", absl::Hours(1)},           {"soon", absl::Hours(1)},
      {"-5", absl::Hours(1)},         {"3600s", absl::Hours(1)},
      {"0", absl::Seconds(1)},        {past, absl::Seconds(1)},
      {"315360000", absl::Hours(24)}, {"99999999999999999999", absl::Hours(24)},
  };
  for (const HeaderCase& c : cases) {
    SCOPED_TRACE(c.retry_after);
    FaultyCa f;
    f.ca().Script(Endpoint::kNewOrder, Limited(c.retry_after));
    ExpectOneCertificate(f, f.Issue({kWww}, absl::Hours(30)));
    const absl::Duration waited =
        f.TimeOf(Endpoint::kNewOrder, 1) - f.TimeOf(Endpoint::kNewOrder, 0);
    EXPECT_GE(waited, c.wait);
    EXPECT_LE(waited, c.wait + absl::Seconds(35));
  }
}

// What a load balancer says is not about one order.
TEST(Row, F_CA_08_APageThatSaysTooManyHoldsTheWholeCa) {
  FaultyCa f;
  f.ca().Script(Endpoint::kNewOrder,
                Fault::Reply(429, "text/html", "<h1>slow down</h1>").With("Retry-After", "600"));
  const Order order = f.Place();
  f.engine().RunDue();
  const int before = f.asked();
  const Order other = f.Place({"other.example.test"});
  f.RunFor(absl::Seconds(598));
  EXPECT_EQ(f.asked(), before);
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.Settle(other.id).state, State::kDone);
}

TEST(Row, F_CA_09_APausedNameWaitsForAHuman) {
  FaultyCa f;
  f.ca().PauseIdentifier(kWww);
  const Order order = f.Issue({kWww, "b.example.test"});
  EXPECT_EQ(order.state, State::kFailed);
  EXPECT_EQ(order.error->reason, "CA_PAUSED");
  EXPECT_THAT(order.error->metadata.at("visit"), HasSubstr("https://ca.test/sfe/v1/unpause?jwt="));
  EXPECT_THAT(f.Says(order), HasSubstr(order.error->metadata.at("visit")));
  EXPECT_THAT(f.Says(order), HasSubstr("norroy order retry"));
  // Whoever else wants the name is told the same, by us; other names are not concerned.
  int before = f.asked();
  for (int i = 0; i < 3; ++i) {
    const Order again = f.Issue();
    EXPECT_EQ(again.state, State::kFailed);
    EXPECT_EQ(again.error->reason, "CA_PAUSED");
    EXPECT_THAT(f.Says(again), HasSubstr("unpause?jwt="));
    f.RunFor(absl::Hours(7));
  }
  EXPECT_EQ(f.asked(), before);
  EXPECT_EQ(f.Issue({"b.example.test"}).state, State::kDone);
  f.Restart();
  before = f.ca().count(Endpoint::kNewOrder);
  EXPECT_EQ(f.Issue().state, State::kFailed);
  EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), before);
  // Without the human one order a day may look.
  f.RunFor(absl::Hours(4));
  EXPECT_EQ(f.Issue().state, State::kFailed);
  EXPECT_EQ(f.Issue().state, State::kFailed);
  EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), before + 1);
  // He did it, and says so.
  f.ca().Unpause(kWww);
  EXPECT_EQ(f.Issue().state, State::kFailed);
  ASSERT_TRUE(LiftHolds(order, f.store()).ok());
  EXPECT_EQ(f.Issue().state, State::kDone);
}

TEST(Row, F_CA_10_ServiceUnavailableHoldsTheWholeCa) {
  for (const Endpoint endpoint :
       {Endpoint::kDirectory, Endpoint::kNewNonce, Endpoint::kNewOrder, Endpoint::kAuthorization,
        Endpoint::kChallenge, Endpoint::kOrder, Endpoint::kFinalize, Endpoint::kCertificate}) {
    SCOPED_TRACE(static_cast<int>(endpoint));
    FaultyCa f;
    // A new process has no directory and no nonces.
    f.Restart();
    f.ca().Script(
        endpoint,
        Fault::Reply(503, "text/html", "<h1>maintenance</h1>").With("Retry-After", "600"));
    const Order order = f.Place();
    f.engine().RunDue();
    ASSERT_EQ(f.ca().requests().back().endpoint, endpoint);
    const absl::Time end = f.ca().requests().back().time + absl::Seconds(600);
    const int before = f.asked();
    std::vector<Order> others;
    for (int i = 0; i < 5; ++i) others.push_back(f.Place({absl::StrCat("n", i, ".example.test")}));
    f.RunFor(absl::Minutes(2));
    f.Restart();
    f.RunFor(end - f.clock().Now() - absl::Seconds(2));
    EXPECT_EQ(f.asked(), before);
    ASSERT_EQ(f.Settle(order.id).state, State::kDone);
    std::set<absl::Time> begun;
    for (const Order& other : others) EXPECT_EQ(f.Settle(other.id).state, State::kDone);
    for (const fakes::RequestRecord& request : f.ca().requests()) {
      const bool later = request.time >= end;
      if (later && request.endpoint == Endpoint::kNewOrder) begun.insert(request.time);
    }
    // Not all at once.
    EXPECT_GE(begun.size(), 3u);
    EXPECT_EQ(f.ca().certificates_issued(), 6);
    EXPECT_THAT(f.ca().violations(), IsEmpty());
  }
}

TEST(Row, F_CA_29_NewTermsStopTheAccount) {
  FaultyCa f;
  f.ca().ChangeTerms("https://ca.test/terms/2");
  const Order order = f.Place();
  f.engine().RunDue();
  EXPECT_EQ(f.Get(order.id).error->reason, "USER_ACTION_REQUIRED");
  EXPECT_THAT(f.Says(f.Get(order.id)), HasSubstr("https://ca.test/agree-to-terms"));
  const int before = f.asked();
  const Order other = f.Place({"other.example.test"});
  f.RunFor(absl::Hours(20));
  EXPECT_EQ(f.asked(), before);
  const int orders = f.ca().count(Endpoint::kNewOrder);
  EXPECT_THAT(f.Says(f.Get(other.id)), HasSubstr("https://ca.test/agree-to-terms"));
  // Still not agreed to: somebody's retry costs one request.
  ASSERT_TRUE(LiftHolds(order, f.store()).ok());
  f.RunFor(absl::Minutes(30));
  EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), orders + 1);
}

struct AccountCase {
  std::string name;
  std::function<void(fakes::FakeCa&)> happens;
};

// Nobody but the operator makes an account: the names may be bound to the old one (CAA), and a
// thief of the CA's answers would like a new one.
TEST(Row, F_CA_30_AnAccountThatIsRefusedIsNotReplaced) {
  const std::vector<AccountCase> cases = {
      {"forgotten", [](fakes::FakeCa& ca) { ca.ForgetAccounts(); }},
      {"deactivated",
       [](fakes::FakeCa& ca) { ca.SetAccountStatus(ca.account_urls()[0], "deactivated"); }},
      {"revoked", [](fakes::FakeCa& ca) { ca.SetAccountStatus(ca.account_urls()[0], "revoked"); }},
  };
  for (const AccountCase& c : cases) {
    SCOPED_TRACE(c.name);
    FaultyCa f;
    const int accounts = f.ca().count(Endpoint::kNewAccount);
    c.happens(f.ca());
    const Order order = f.Place();
    f.engine().RunDue();
    const Order waiting = f.Get(order.id);
    EXPECT_EQ(waiting.state, State::kOrdering);
    EXPECT_EQ(waiting.error->reason, "ACCOUNT_REFUSED");
    EXPECT_THAT(f.Says(waiting), HasSubstr("norroy account create"));
    const int before = f.asked();
    const Order other = f.Place({"other.example.test"});
    f.RunFor(absl::Hours(6));
    f.Restart();
    f.RunFor(absl::Hours(5));
    EXPECT_EQ(f.asked(), before);
    EXPECT_EQ(f.Get(other.id).error->reason, "CA_ON_HOLD");
    EXPECT_THAT(f.Says(f.Get(other.id)), HasSubstr("norroy account create"));
    EXPECT_EQ(f.ca().count(Endpoint::kNewAccount), accounts);
    if (c.name == "forgotten") {
      // Without a human one order a day looks.
      const int orders = f.ca().count(Endpoint::kNewOrder);
      f.RunFor(absl::Hours(36));
      EXPECT_LE(f.ca().count(Endpoint::kNewOrder) - orders, 2);
      EXPECT_EQ(f.ca().count(Endpoint::kNewAccount), accounts);
      continue;
    }
    f.ca().SetAccountStatus(f.ca().account_urls()[0], "valid");
    ASSERT_TRUE(LiftHolds(order, f.store()).ok());
    EXPECT_EQ(f.Settle(order.id).state, State::kDone);
    EXPECT_EQ(f.Settle(other.id).state, State::kDone);
  }
}

// A hundred orders that all fail against a CA which is not there do not ask it a hundred times.
TEST(Row, F_CA_39_ACaThatIsNotThereIsTriedByOne) {
  FaultyCa f;
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), Fault::TlsRefused());
  std::vector<Order> orders;
  for (int i = 0; i < 100; ++i) orders.push_back(f.Place({absl::StrCat("n", i, ".example.test")}));
  const int before = f.asked();
  for (int i = 0; i < 10; ++i) {
    f.Restart();
    f.RunFor(absl::Seconds(6));
  }
  EXPECT_LE(f.ca().count(Endpoint::kNewOrder), 8);
  f.RunFor(absl::Hours(1));
  EXPECT_LE(f.asked() - before, 150);
  EXPECT_EQ(f.Get(orders[0].id).state, State::kOrdering);
  f.ca().ClearScript(Endpoint::kNewOrder);
  f.RunFor(absl::Minutes(15));
  for (const Order& order : orders) EXPECT_EQ(f.Get(order.id).state, State::kDone);
  EXPECT_EQ(f.ca().certificates_issued(), 100);
}

}  // namespace
}  // namespace norroy::flow
